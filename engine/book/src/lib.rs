//! Order-by-order books for thousands of instruments, and their plain oracle.
