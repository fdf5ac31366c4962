//! `parse/*`: our two ways through an ITCH file beside `itchy` 0.3, on the same bytes in the same run.
//!
//! Both contenders fold every field of every message into a checksum by the same arithmetic; the checksums are
//! printed and must be equal. `parse/records` is the desk's way (messages to 64-byte records), without a peer.
//!
//! - `TICKRACE_BENCH_ITCH`: an uncompressed ITCH 5.0 file instead of the synthetic day (types `h` and `O` make
//!   `itchy` 0.3.4 panic).
//! - `TICKRACE_BENCH_MESSAGES`, `TICKRACE_BENCH_SYMBOLS`, `TICKRACE_BENCH_REPEATS`: 5,000,000, 500 and 7.
#![allow(clippy::unwrap_used, reason = "a bench may stop at the first surprise")]

use std::hint::black_box;
use std::time::Instant;

use itchy::{
    Body, CrossType, EventCode, ImbalanceDirection, InterestFlag, IpoReleaseQualifier, LevelBreached,
    MarketMakerMode, MarketParticipantState, MessageStream, RegShoAction, TradingState,
};
use tickrace_feeds::itch::message::{self, Head, Visitor};
use tickrace_feeds::itch::visit;
use tickrace_feeds::{FileOptions, FileSource, LocateMap, Source, Synth, SynthConfig};
use tickrace_types::Record;

/// A checksum that depends on every field, its place and the order of messages.
#[derive(Default)]
struct Fold {
    sum: u64,
    messages: u64,
}

/// Odd multipliers, one for each place.
const WEIGHTS: [u64; 20] = {
    let mut weights = [0x9e37_79b9_7f4a_7c15u64; 20];
    let mut place = 1;
    while place < 20 {
        weights[place] = weights[place - 1].wrapping_mul(0xbf58_476d_1ce4_e5b9) | 1;
        place += 1;
    }
    weights
};

impl Fold {
    #[inline(always)]
    fn fields<const N: usize>(&mut self, head: [u64; 4], fields: [u64; N]) {
        let mut sum = 0u64;
        for (place, field) in head.into_iter().chain(fields).enumerate() {
            sum = sum.wrapping_add(field.wrapping_mul(WEIGHTS[place]));
        }
        self.sum = self.sum.rotate_left(7).wrapping_add(sum);
        self.messages += 1;
    }
}

/// Four or eight characters as a number.
#[inline(always)]
fn text<const N: usize>(bytes: [u8; N]) -> u64 {
    let mut wide = [0; 8];
    wide[..N].copy_from_slice(&bytes);
    u64::from_le_bytes(wide)
}

mod ours {
    use super::*;

    #[inline(always)]
    fn head(head: &Head) -> [u64; 4] {
        let (locate, tracking) = (head.stock_locate.get(), head.tracking_number.get());
        [u64::from(head.message_type), u64::from(locate), u64::from(tracking), head.timestamp.get()]
    }

    /// Folds some fields of a view: numbers by `get`, letters as they are, texts as one number.
    macro_rules! folds {
        ($( $method:ident: $view:ident [ $( $kind:ident $field:ident ),* ]; )*) => {
            $( #[inline(always)]
            fn $method(&mut self, m: &message::$view) {
                self.fields(head(&m.head), [ $( folds!(@$kind m.$field) ),* ]);
            } )*
        };
        (@n $m:ident.$field:ident) => { u64::from($m.$field.get()) };
        (@c $m:ident.$field:ident) => { u64::from($m.$field) };
        (@t $m:ident.$field:ident) => { text($m.$field) };
    }

    impl Visitor for Fold {
        folds! {
            add_order: AddOrder [n order_reference_number, c buy_sell_indicator, n shares, t stock, n price];
            add_order_attributed: AddOrderAttributed [n order_reference_number, c buy_sell_indicator, n shares, t stock, n price, t attribution];
            order_executed: OrderExecuted [n order_reference_number, n executed_shares, n match_number];
            order_executed_with_price: OrderExecutedWithPrice [n order_reference_number, n executed_shares, n match_number, c printable, n execution_price];
            order_cancel: OrderCancel [n order_reference_number, n canceled_shares];
            order_delete: OrderDelete [n order_reference_number];
            order_replace: OrderReplace [n original_order_reference_number, n new_order_reference_number, n shares, n price];
            hidden_trade: HiddenTrade [n order_reference_number, c buy_sell_indicator, n shares, t stock, n price, n match_number];
            cross_trade: CrossTrade [n cross_shares, t stock, n cross_price, n match_number, c cross_type];
            broken_trade: BrokenTrade [n match_number];
            imbalance: Imbalance [n paired_shares, n imbalance_shares, c imbalance_direction, t stock, n far_price, n near_price, n current_reference_price, c cross_type, c price_variation_indicator];
            system_event: SystemEvent [c event_code];
            trading_action: TradingAction [t stock, c trading_state, t reason_code];
            short_sale_restriction: ShortSaleRestriction [t stock, c reg_sho_action];
            participant_position: ParticipantPosition [t mpid, t stock, c primary_market_maker, c market_maker_mode, c market_participant_state];
            breaker_levels: BreakerLevels [n level_1, n level_2, n level_3];
            breaker_status: BreakerStatus [c breached_level];
            ipo_quoting: IpoQuoting [t stock, n ipo_quotation_release_time, c ipo_quotation_release_qualifier, n ipo_price];
            auction_collar: AuctionCollar [t stock, n auction_collar_reference_price, n upper_auction_collar_price, n lower_auction_collar_price, n auction_collar_extension];
            retail_interest: RetailInterest [t stock, c interest_flag];
        }

        // `itchy` gives the codes of the directory as enums of dozens of variants; of these, both sides fold
        // whether they are the commonest one.
        #[inline(always)]
        fn stock_directory(&mut self, m: &message::StockDirectory) {
            let fields = [
                text(m.stock),
                u64::from(m.market_category == b'Q'),
                u64::from(m.financial_status_indicator == b'N'),
                u64::from(m.round_lot_size.get()),
                u64::from(m.round_lots_only),
                u64::from(m.issue_classification == b'C'),
                u64::from(m.issue_sub_type == *b"Z "),
                u64::from(m.authenticity),
                u64::from(m.short_sale_threshold_indicator),
                u64::from(m.ipo_flag),
                u64::from(m.luld_reference_price_tier),
                u64::from(m.etp_flag),
                u64::from(m.etp_leverage_factor.get()),
                u64::from(m.inverse_indicator),
            ];
            self.fields(head(&m.head), fields);
        }
    }
}

mod theirs {
    use super::*;

    #[inline(always)]
    fn stock(stock: &itchy::ArrayString8) -> u64 {
        stock.as_bytes().try_into().map_or(0, text::<8>)
    }

    #[inline(always)]
    fn four(name: &itchy::ArrayString4) -> u64 {
        name.as_bytes().try_into().map_or(0, text::<4>)
    }

    const fn side(side: itchy::Side) -> u64 {
        (match side {
            itchy::Side::Buy => b'B',
            itchy::Side::Sell => b'S',
        }) as u64
    }

    const fn yes(flag: bool) -> u64 {
        (if flag { b'Y' } else { b'N' }) as u64
    }

    const fn maybe(flag: Option<bool>) -> u64 {
        match flag {
            Some(flag) => yes(flag),
            None => b' ' as u64,
        }
    }

    const fn cross(cross: CrossType) -> u64 {
        (match cross {
            CrossType::Opening => b'O',
            CrossType::Closing => b'C',
            CrossType::IpoOrHalted => b'H',
            CrossType::Intraday => b'I',
            CrossType::ExtendedTradingClose => b'A',
        }) as u64
    }

    const fn event(event: EventCode) -> u64 {
        (match event {
            EventCode::StartOfMessages => b'O',
            EventCode::StartOfSystemHours => b'S',
            EventCode::StartOfMarketHours => b'Q',
            EventCode::EndOfMarketHours => b'M',
            EventCode::EndOfSystemHours => b'E',
            EventCode::EndOfMessages => b'C',
        }) as u64
    }

    #[inline(always)]
    pub fn fold(fold: &mut Fold, m: &itchy::Message) {
        let head = [u64::from(m.tag), u64::from(m.stock_locate), u64::from(m.tracking_number), m.timestamp];
        match &m.body {
            Body::AddOrder(b) => {
                let fields = [
                    b.reference,
                    side(b.side),
                    u64::from(b.shares),
                    stock(&b.stock),
                    u64::from(b.price.raw()),
                ];
                match &b.mpid {
                    None => fold.fields(head, fields),
                    Some(mpid) => {
                        let [reference, side, shares, stock, price] = fields;
                        fold.fields(head, [reference, side, shares, stock, price, four(mpid)]);
                    }
                }
            }
            Body::OrderExecuted { reference, executed, match_number } => {
                fold.fields(head, [*reference, u64::from(*executed), *match_number]);
            }
            Body::OrderExecutedWithPrice { reference, executed, match_number, printable, price } => fold
                .fields(
                    head,
                    [
                        *reference,
                        u64::from(*executed),
                        *match_number,
                        yes(*printable),
                        u64::from(price.raw()),
                    ],
                ),
            Body::OrderCancelled { reference, cancelled } => {
                fold.fields(head, [*reference, u64::from(*cancelled)]);
            }
            Body::DeleteOrder { reference } => fold.fields(head, [*reference]),
            Body::ReplaceOrder(b) => fold.fields(
                head,
                [b.old_reference, b.new_reference, u64::from(b.shares), u64::from(b.price.raw())],
            ),
            Body::NonCrossTrade(b) => fold.fields(
                head,
                [
                    b.reference,
                    side(b.side),
                    u64::from(b.shares),
                    stock(&b.stock),
                    u64::from(b.price.raw()),
                    b.match_number,
                ],
            ),
            Body::CrossTrade(b) => fold.fields(
                head,
                [
                    b.shares,
                    stock(&b.stock),
                    u64::from(b.cross_price.raw()),
                    b.match_number,
                    cross(b.cross_type),
                ],
            ),
            Body::BrokenTrade { match_number } => fold.fields(head, [*match_number]),
            Body::Imbalance(b) => {
                let direction = match b.imbalance_direction {
                    ImbalanceDirection::Buy => b'B',
                    ImbalanceDirection::Sell => b'S',
                    ImbalanceDirection::NoImbalance => b'N',
                    ImbalanceDirection::InsufficientOrders => b'O',
                };
                fold.fields(
                    head,
                    [
                        b.paired_shares,
                        b.imbalance_shares,
                        u64::from(direction),
                        stock(&b.stock),
                        u64::from(b.far_price.raw()),
                        u64::from(b.near_price.raw()),
                        u64::from(b.current_ref_price.raw()),
                        cross(b.cross_type),
                        u64::from(u32::from(b.price_variation_indicator)),
                    ],
                );
            }
            other => rare(fold, head, other),
        }
    }

    fn rare(fold: &mut Fold, head: [u64; 4], body: &Body) {
        match body {
            Body::SystemEvent { event: code } => fold.fields(head, [event(*code)]),
            Body::TradingAction { stock: s, trading_state, reason } => {
                let state = match trading_state {
                    TradingState::Halted => b'H',
                    TradingState::Paused => b'P',
                    TradingState::QuotationOnly => b'Q',
                    TradingState::Trading => b'T',
                };
                fold.fields(head, [stock(s), u64::from(state), four(reason)]);
            }
            Body::RegShoRestriction { stock: s, action } => {
                let action = match action {
                    RegShoAction::None => b'0',
                    RegShoAction::Intraday => b'1',
                    RegShoAction::Extant => b'2',
                };
                fold.fields(head, [stock(s), u64::from(action)]);
            }
            Body::ParticipantPosition(b) => {
                let mode = match b.market_maker_mode {
                    MarketMakerMode::Normal => b'N',
                    MarketMakerMode::Passive => b'P',
                    MarketMakerMode::Syndicate => b'S',
                    MarketMakerMode::Presyndicate => b'R',
                    MarketMakerMode::Penalty => b'L',
                };
                let state = match b.market_participant_state {
                    MarketParticipantState::Active => b'A',
                    MarketParticipantState::Excused => b'E',
                    MarketParticipantState::Withdrawn => b'W',
                    MarketParticipantState::Suspended => b'S',
                    MarketParticipantState::Deleted => b'D',
                };
                let primary = yes(b.primary_market_maker);
                fold.fields(
                    head,
                    [four(&b.mpid), stock(&b.stock), primary, u64::from(mode), u64::from(state)],
                );
            }
            Body::MwcbDeclineLevel { level1, level2, level3 } => {
                fold.fields(head, [level1.raw(), level2.raw(), level3.raw()]);
            }
            Body::Breach(level) => {
                let level = match level {
                    LevelBreached::L1 => b'1',
                    LevelBreached::L2 => b'2',
                    LevelBreached::L3 => b'3',
                };
                fold.fields(head, [u64::from(level)]);
            }
            Body::IpoQuotingPeriod(b) => {
                let qualifier = match b.release_qualifier {
                    IpoReleaseQualifier::Anticipated => b'A',
                    IpoReleaseQualifier::Cancelled => b'C',
                };
                let price = u64::from(b.price.raw());
                fold.fields(head, [stock(&b.stock), u64::from(b.release_time), u64::from(qualifier), price]);
            }
            Body::LULDAuctionCollar { stock: s, ref_price, upper_price, lower_price, extension } => fold
                .fields(
                    head,
                    [
                        stock(s),
                        u64::from(ref_price.raw()),
                        u64::from(upper_price.raw()),
                        u64::from(lower_price.raw()),
                        u64::from(*extension),
                    ],
                ),
            Body::RetailPriceImprovementIndicator(b) => {
                let flag = match b.interest_flag {
                    InterestFlag::RPIAvailableBuySide => b'B',
                    InterestFlag::RPIAvailableSellSide => b'S',
                    InterestFlag::RPIAvailableBothSides => b'A',
                    InterestFlag::RPINoneAvailable => b'N',
                };
                fold.fields(head, [stock(&b.stock), u64::from(flag)]);
            }
            Body::StockDirectory(b) => {
                let tier = match b.luld_ref_price_tier {
                    itchy::LuldRefPriceTier::Tier1 => b'1',
                    itchy::LuldRefPriceTier::Tier2 => b'2',
                    itchy::LuldRefPriceTier::Na => b' ',
                };
                let fields = [
                    stock(&b.stock),
                    u64::from(b.market_category == itchy::MarketCategory::NasdaqGlobalSelect),
                    u64::from(b.financial_status == itchy::FinancialStatus::Normal),
                    u64::from(b.round_lot_size),
                    yes(b.round_lots_only),
                    u64::from(b.issue_classification == itchy::IssueClassification::CommonStock),
                    u64::from(b.issue_subtype == itchy::IssueSubType::NotApplicable),
                    u64::from(if b.authenticity { b'P' } else { b'T' }),
                    maybe(b.short_sale_threshold),
                    maybe(b.ipo_flag),
                    u64::from(tier),
                    maybe(b.etp_flag),
                    u64::from(b.etp_leverage_factor),
                    yes(b.inverse_indicator),
                ];
                fold.fields(head, fields);
            }
            _ => {}
        }
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Nanoseconds this thread has been on a core, where the system tells: on a shared machine the time others took
/// away is not ours.
fn on_core_ns() -> Option<u64> {
    std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
}

/// Nanoseconds a message, on the core where that is known and by the wall else.
fn timed(messages: u64, act: impl FnOnce()) -> f64 {
    let (begin, on_core) = (Instant::now(), on_core_ns());
    act();
    let wall_ns = begin.elapsed().as_secs_f64() * 1e9;
    let spent_ns = on_core.zip(on_core_ns()).map_or(wall_ns, |(before, after)| (after - before) as f64);
    spent_ns / messages as f64
}

fn main() {
    let bytes = match std::env::var("TICKRACE_BENCH_ITCH") {
        Ok(path) => std::fs::read(path).unwrap(),
        Err(_) => {
            let symbols = u32::try_from(setting("TICKRACE_BENCH_SYMBOLS", 500)).unwrap();
            let messages = setting("TICKRACE_BENCH_MESSAGES", 5_000_000);
            let mut day = Vec::new();
            let config = SynthConfig { seed: 1, symbols, messages };
            let rate = 1e3 / timed(messages, || day = Synth::new(config).to_vec());
            println!("parse/synth        {rate:8.1} M messages/s made in memory, {symbols} symbols");
            day
        }
    };
    let repeats = setting("TICKRACE_BENCH_REPEATS", 7);
    let messages = {
        let mut fold = Fold::default();
        visit(&bytes, &mut fold);
        fold.messages
    };
    let clock = if on_core_ns().is_some() { "time on the core" } else { "wall time" };
    println!(
        "parse/input        {messages} messages, {} bytes, {repeats} interleaved repeats, {clock}",
        bytes.len()
    );
    let (mut view, mut record, mut itchy, mut ratios) = (vec![], vec![], vec![], vec![]);
    for _ in 0..repeats {
        let (mut our_fold, mut their_fold) = (Fold::default(), Fold::default());
        let their_ns = timed(messages, || {
            for message in MessageStream::from_reader(&bytes[..]) {
                theirs::fold(&mut their_fold, &message.unwrap());
            }
        });
        let our_ns = timed(messages, || {
            visit(black_box(&bytes), &mut our_fold);
        });
        let record_ns = timed(messages, || {
            let options =
                FileOptions { session_midnight_ns: 0, feed_latency_ns: 1_000, universe: LocateMap::all() };
            let mut source = FileSource::new(&bytes[..], options);
            let (mut out, mut sum) = (Record::default(), 0u64);
            while source.next_into(&mut out) {
                sum = sum.wrapping_add(out.body[0] ^ out.header.seq ^ u64::from(out.header.flags));
                black_box(&out);
            }
            assert_eq!(source.messages(), messages);
            black_box(sum);
        });
        assert_eq!(our_fold.messages, their_fold.messages);
        assert_eq!(our_fold.sum, their_fold.sum, "the checksums are equal");
        if view.is_empty() {
            println!("parse/checksum     ours {:016x}, itchy {:016x}, equal", our_fold.sum, their_fold.sum);
        }
        view.push(our_ns);
        record.push(record_ns);
        itchy.push(their_ns);
        ratios.push(their_ns / our_ns);
    }
    let (view, record, itchy) = (median(view), median(record), median(itchy));
    println!("parse/itchy        {itchy:8.2} ns/message  {:8.1} M/s", 1e3 / itchy);
    println!("parse/views        {view:8.2} ns/message  {:8.1} M/s", 1e3 / view);
    println!("parse/records      {record:8.2} ns/message  {:8.1} M/s", 1e3 / record);
    println!(
        "parse/ratio        {:8.2} times itchy (median of the repeats' ratios; target 2)",
        median(ratios)
    );
}
