use super::*;

fn parse(text: &str) -> Result<Placement, PlacementError> {
    let lists: Vec<Vec<&str>> = text.split('|').map(|list| list.split_whitespace().collect()).collect();
    Placement::parse(&lists)
}

#[test]
fn one_two_and_four_threads_place_every_stage() {
    let fused = parse("decode sequence book decide gate send | meter archive").unwrap();
    assert_eq!(fused, Placement::fused());
    assert!(StageName::HOT.iter().all(|stage| fused.thread_of(*stage) == Some(0)));
    assert!(StageName::HOT.iter().all(|stage| !fused.is_cut_after(*stage)));
    assert_eq!(fused.thread_of(StageName::Archive), Some(1));

    let two = parse("decode sequence | book decide gate send").unwrap();
    assert_eq!(two.thread_of(StageName::Sequence), Some(0));
    assert_eq!(two.thread_of(StageName::Book), Some(1));
    assert_eq!(two.thread_of(StageName::Meter), None);
    let cuts: Vec<_> = StageName::HOT.into_iter().filter(|stage| two.is_cut_after(*stage)).collect();
    assert_eq!(cuts, [StageName::Sequence]);

    let four = parse("meter | decode sequence | book | decide | gate send").unwrap();
    assert_eq!(four.hot_threads().collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(four.thread_of(StageName::Send), Some(4));
}

#[test]
fn each_fault_is_named() {
    let fault = |text: &str| parse(text).unwrap_err();
    assert_eq!(
        fault("decode sequence book | decide gate submit"),
        PlacementError::Unknown { thread: 1, name: "submit".into() }
    );
    assert_eq!(
        fault("decode sequence book | book decide gate send"),
        PlacementError::Twice { name: "book", first: 0, again: 1 }
    );
    assert_eq!(fault("decode sequence book decide send"), PlacementError::Missing { name: "gate" });
    assert_eq!(
        fault("decode sequence | decide gate send | book"),
        PlacementError::Order { name: "book", thread: 2, after: "send" }
    );
    assert_eq!(
        fault("decode sequence decide book gate send"),
        PlacementError::Order { name: "book", thread: 0, after: "decide" }
    );
    assert_eq!(
        fault("decode sequence book decide gate send meter"),
        PlacementError::Mixed { thread: 0, hot: "decode", cold: "meter" }
    );
    assert_eq!(fault("decode sequence book decide gate send | "), PlacementError::Empty { thread: 1 });
    assert_eq!(
        fault("decode sequence book decide gate send | meter | meter"),
        PlacementError::Twice { name: "meter", first: 1, again: 2 }
    );
}

#[test]
fn the_configuration_reads_into_a_checked_placement() {
    #[derive(Debug, Deserialize)]
    struct Config {
        placement: Placement,
    }
    let good = "placement = [[\"decode\", \"sequence\", \"book\", \"decide\", \"gate\", \"send\"]]";
    assert_eq!(toml::from_str::<Config>(good).unwrap().placement.threads().len(), 1);
    let bad = "placement = [[\"decode\", \"sequence\", \"book\", \"decide\", \"send\"]]";
    let error = toml::from_str::<Config>(bad).unwrap_err().to_string();
    assert!(error.contains("stage \"gate\" has no thread"), "{error}");
}

#[test]
fn more_spinners_than_cores_minus_one_are_refused_unless_insisted() {
    let two = parse("decode sequence | book decide gate send").unwrap();
    let check = |cores, idle, insist| two.check_cores(cores, idle, insist);
    let refused = Err(PlacementError::TooManySpinning { spinning: 2, cores: 2 });
    let warned = Ok(Some(OverSubscribed { busy: 2, cores: 2 }));
    assert_eq!(check(2, IdleStrategy::Spin, false), refused);
    assert_eq!(check(2, IdleStrategy::Spin, true), warned);
    assert_eq!(check(2, IdleStrategy::SpinThenYield { spins: 9 }, false), warned);
    assert_eq!(check(2, IdleStrategy::Park { micros: 50 }, false), Ok(None));
    assert_eq!(check(3, IdleStrategy::Spin, false), Ok(None));
    assert_eq!(
        Placement::fused().check_cores(2, IdleStrategy::Spin, false),
        Ok(None),
        "the cold thread blocks"
    );
    assert_eq!(
        Placement::fused().check_cores(1, IdleStrategy::Spin, false),
        Err(PlacementError::TooManySpinning { spinning: 1, cores: 1 })
    );
}

#[test]
fn hot_threads_get_the_last_cores_and_cold_ones_share_the_rest() {
    assert_eq!(Placement::fused().cores(&[0, 1]), [Some(1), Some(0)]);
    let four = parse("meter | decode sequence | book | decide gate send | archive").unwrap();
    assert_eq!(four.cores(&[2, 3, 6, 7]), [Some(2), Some(3), Some(6), Some(7), Some(2)]);
    assert_eq!(four.cores(&[4, 5]), [None, Some(4), Some(5), None, None], "no core left: not pinned");
}
