//! The program: everything is in the library beside it.

#[global_allocator]
static MEMORY: tickrace_runtime::huge::HugePages = tickrace_runtime::huge::HugePages;

fn main() -> std::process::ExitCode {
    tickrace_cli::main()
}
