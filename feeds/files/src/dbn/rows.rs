//! Each DBN record as records of ours.
//!
//! | schema | records |
//! | --- | --- |
//! | `mbo` | see [`super::orders`] |
//! | `mbp-1` `mbp-10` | `Print` of a trade, `Clear`, the levels that changed (see [`super::levels`]) |
//! | `trades` | `Print` |
//! | `tbbo` `tcbbo` `cmbp-1` | `Quote`, `Print` of a trade |
//! | `bbo-*` `cbbo-*` | `Quote`, and `Print` of the last trade before it where that is not the one told before |
//! | `ohlcv-*` | `BarShape`, `Bar`, at the bar's end |
//! | `definition` | `Symbol` |
//! | `status` | `Status`, `Notice` where the action is none of a phase |
//! | `imbalance` | `Imbalance` |
//! | `statistics` | `Notice`: `code` the kind, `price`, `order_ref` the quantity, `other_ref` the time it is about |
//! | messages of the gateway | `Notice`; symbol mappings name what follows |

use dbn::{RecordHeader, RecordRef, Schema, rtype};
use tickrace_types::{BarRecord, BarShapeRecord, Flags, Kind, MarketRecord, Phase, Record, SymbolRecord};

use super::counts::{Counts, OHLCV_OF_SCHEMA};
use super::fields::{defined, letter, nanos, shown, side, text, traits_of, view};
use super::levels::Levels;
use super::names::{ABSENT, Interval, Names};
use super::orders::{Orders, Refused, Row};
use crate::format::{Account, Skips};
use crate::stamp::{Event, Stamp};

const SECOND_NS: i64 = 1_000_000_000;
/// Everything between the file's records and ours.
pub(super) struct Rows {
    names: Names,
    schema: Option<Schema>,
    orders: Orders,
    levels: Levels,
    /// Time, price and lots of the last trade that a sampled quote told, by instrument.
    sampled: Vec<(u64, i64, u32)>,
    pub counts: Counts,
    /// Venue time of the open event by price.
    event_ts_ns: i64,
    pub event: Event,
    pub account: Account,
}

impl Rows {
    pub(super) fn new(names: Names, schema: Option<Schema>, account: Account) -> Self {
        Self {
            names,
            schema,
            orders: Orders::default(),
            levels: Levels::default(),
            sampled: Vec::new(),
            counts: Counts::new(schema),
            event_ts_ns: i64::MIN,
            event: Event::default(),
            account,
        }
    }

    /// Appends what one record says.
    #[inline]
    pub(super) fn on(&mut self, record: &RecordRef<'_>, batch: &mut Vec<Record>) {
        self.account.messages += 1;
        let kind = record.header().rtype;
        self.counts.count(kind);
        let refused = match kind {
            rtype::MBO => self.order(record, batch),
            _ => self.other(kind, record, batch),
        };
        if let Err(reason) = refused {
            self.skip(reason, record.header());
        }
    }

    /// The file is over: so is what was open.
    pub(super) fn finish(&mut self, batch: &mut Vec<Record>) {
        if let Err(reason) = self.orders.end_event(batch) {
            self.account.skips.count(reason, || format!("at the end of the file: {reason}"));
        }
        let stamp = Stamp { instrument: u32::MAX, seq: self.account.messages, ..Stamp::default() };
        if self.event.is_open(batch.len()) {
            self.event.end(batch, &stamp);
        }
    }

    #[cold]
    fn skip(&mut self, reason: Refused, header: &RecordHeader) {
        let (number, kind) = (self.account.messages, self.counts.name_of(header.rtype));
        self.account.skips.count(reason, || {
            format!("record {number} ({kind}, instrument {}): {reason}", header.instrument_id)
        });
    }

    /// Number, times and instrument; an error where nobody asked for it.
    #[inline]
    fn stamp(&mut self, header: &RecordHeader, ts_recv: u64, letter: u8) -> Result<Stamp, Refused> {
        let ts_venue_ns = nanos(header.ts_event).or(nanos(ts_recv)).unwrap_or(0);
        let ts_recv_ns = nanos(ts_recv).unwrap_or(ts_venue_ns);
        let instrument = self.names.index(header.instrument_id, ts_recv_ns, &mut self.account.instruments);
        if instrument == ABSENT {
            return Err(Skips::FILTERED);
        }
        Ok(Stamp { instrument, seq: self.account.messages, ts_venue_ns, ts_recv_ns, flags: 0, letter })
    }

    #[inline]
    fn order(&mut self, record: &RecordRef<'_>, batch: &mut Vec<Record>) -> Result<(), Refused> {
        let message = view::<dbn::MboMsg>(record).ok_or("length")?;
        let action = letter(message.action);
        self.counts.count_order(action);
        let mut stamp = self.stamp(&message.hd, message.ts_recv, action)?;
        let flags = message.flags.raw();
        if flags & dbn::flags::SNAPSHOT != 0 {
            stamp.flags = Flags::SNAPSHOT;
        }
        let row = Row {
            stamp,
            order_ref: message.order_id,
            price: message.price,
            qty: message.size,
            side: side(message.side),
        };
        let outcome = self.orders.on(action, &row, batch);
        if flags & dbn::flags::LAST != 0 {
            let held = self.orders.end_event(batch);
            self.event.end(batch, &stamp);
            return outcome.and(held);
        }
        outcome
    }

    #[inline(never)]
    fn other(&mut self, kind: u8, record: &RecordRef<'_>, batch: &mut Vec<Record>) -> Result<(), Refused> {
        match kind {
            rtype::MBP_1 if self.schema == Some(Schema::Tbbo) => {
                let m = view::<dbn::Mbp1Msg>(record).ok_or("length")?;
                let trade = Trade { action: letter(m.action), side: m.side, price: m.price, size: m.size };
                let [pair] = &m.levels;
                let (bid, ask) =
                    ((pair.bid_px, pair.bid_sz, pair.bid_ct), (pair.ask_px, pair.ask_sz, pair.ask_ct));
                self.quote(kind, &m.hd, m.ts_recv, &trade, bid, ask, m.sequence, batch)
            }
            rtype::MBP_1 => {
                let m = view::<dbn::Mbp1Msg>(record).ok_or("length")?;
                let trade = Trade { action: letter(m.action), side: m.side, price: m.price, size: m.size };
                self.by_price(kind, &m.hd, m.ts_recv, &trade, m.flags.raw(), m.sequence, &m.levels, batch)
            }
            rtype::MBP_10 => {
                let m = view::<dbn::Mbp10Msg>(record).ok_or("length")?;
                let trade = Trade { action: letter(m.action), side: m.side, price: m.price, size: m.size };
                self.by_price(kind, &m.hd, m.ts_recv, &trade, m.flags.raw(), m.sequence, &m.levels, batch)
            }
            rtype::MBP_0 => {
                let m = view::<dbn::TradeMsg>(record).ok_or("length")?;
                let trade = Trade { action: letter(m.action), side: m.side, price: m.price, size: m.size };
                self.counts.count_action(kind, trade.action);
                let stamp = self.stamp(&m.hd, m.ts_recv, trade.action)?;
                trade.print(&stamp, m.sequence, batch)?;
                self.event.end(batch, &stamp);
                Ok(())
            }
            rtype::CMBP_1 | rtype::TCBBO => {
                let m = view::<dbn::Cmbp1Msg>(record).ok_or("length")?;
                let trade = Trade { action: letter(m.action), side: m.side, price: m.price, size: m.size };
                let [pair] = &m.levels;
                let (bid, ask) = ((pair.bid_px, pair.bid_sz, 0), (pair.ask_px, pair.ask_sz, 0));
                self.quote(kind, &m.hd, m.ts_recv, &trade, bid, ask, 0, batch)
            }
            rtype::BBO_1S | rtype::BBO_1M => {
                let m = view::<dbn::BboMsg>(record).ok_or("length")?;
                let trade = Trade { action: b'T', side: m.side, price: m.price, size: m.size };
                let [pair] = &m.levels;
                let (bid, ask) =
                    ((pair.bid_px, pair.bid_sz, pair.bid_ct), (pair.ask_px, pair.ask_sz, pair.ask_ct));
                self.sample(&m.hd, m.ts_recv, &trade, bid, ask, batch)
            }
            rtype::CBBO_1S | rtype::CBBO_1M => {
                let m = view::<dbn::CbboMsg>(record).ok_or("length")?;
                let trade = Trade { action: b'T', side: m.side, price: m.price, size: m.size };
                let [pair] = &m.levels;
                let (bid, ask) = ((pair.bid_px, pair.bid_sz, 0), (pair.ask_px, pair.ask_sz, 0));
                self.sample(&m.hd, m.ts_recv, &trade, bid, ask, batch)
            }
            OHLCV_OF_SCHEMA
            | rtype::OHLCV_1S
            | rtype::OHLCV_1M
            | rtype::OHLCV_1H
            | rtype::OHLCV_1D
            | rtype::OHLCV_EOD => self.bar(kind, view::<dbn::OhlcvMsg>(record).ok_or("length")?, batch),
            rtype::INSTRUMENT_DEF => {
                self.definition(view::<dbn::InstrumentDefMsg>(record).ok_or("length")?, batch)
            }
            rtype::STATUS => self.status(view::<dbn::StatusMsg>(record).ok_or("length")?, batch),
            rtype::IMBALANCE => self.imbalance(view::<dbn::ImbalanceMsg>(record).ok_or("length")?, batch),
            rtype::STATISTICS => self.statistic(view::<dbn::StatMsg>(record).ok_or("length")?, batch),
            rtype::SYMBOL_MAPPING => {
                let m = view::<dbn::SymbolMappingMsg>(record).ok_or("length")?;
                let name = text(&m.stype_out_symbol);
                let from_ns = nanos(m.start_ts).unwrap_or(i64::MIN);
                let until_ns = nanos(m.end_ts).unwrap_or(i64::MAX);
                self.names.map(m.hd.instrument_id, Interval { from_ns, until_ns, name });
                Ok(())
            }
            rtype::ERROR | rtype::SYSTEM => {
                let ts_ns = nanos(record.header().ts_event).unwrap_or(0);
                let stamp = Stamp {
                    instrument: u32::MAX,
                    seq: self.account.messages,
                    ts_venue_ns: ts_ns,
                    ts_recv_ns: ts_ns,
                    ..Stamp::default()
                };
                self.push_alone(&stamp, *stamp.market(Kind::Notice).as_record(), batch);
                Ok(())
            }
            _ => Err("record type"),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the fields that two structs of the crate share")]
    fn by_price(
        &mut self,
        kind: u8,
        header: &RecordHeader,
        ts_recv: u64,
        trade: &Trade,
        flags: u8,
        sequence: u32,
        pairs: &[dbn::BidAskPair],
        batch: &mut Vec<Record>,
    ) -> Result<(), Refused> {
        self.counts.count_action(kind, trade.action);
        let mut stamp = self.stamp(header, ts_recv, trade.action)?;
        if flags & dbn::flags::SNAPSHOT != 0 {
            stamp.flags = Flags::SNAPSHOT;
        }
        // The row that ended the event before may not have touched the levels shown, and so not be here.
        if self.event.is_open(batch.len()) && self.event_ts_ns != stamp.ts_venue_ns {
            self.event.end(batch, &stamp);
        }
        self.event_ts_ns = stamp.ts_venue_ns;
        let outcome = match trade.action {
            b'T' => trade.print(&stamp, sequence, batch),
            b'R' => {
                self.levels.clear(stamp.instrument);
                batch.push(*stamp.market(Kind::Clear).as_record());
                Ok(())
            }
            b'A' | b'C' | b'M' | b'F' | b'N' => Ok(()),
            _ => Err("action"),
        };
        self.levels.update(&stamp, pairs, batch);
        if flags & dbn::flags::LAST != 0 {
            self.event.end(batch, &stamp);
        }
        outcome
    }

    #[expect(clippy::too_many_arguments, reason = "the fields that two structs of the crate share")]
    fn quote(
        &mut self,
        kind: u8,
        header: &RecordHeader,
        ts_recv: u64,
        trade: &Trade,
        bid: (i64, u32, u32),
        ask: (i64, u32, u32),
        sequence: u32,
        batch: &mut Vec<Record>,
    ) -> Result<(), Refused> {
        self.counts.count_action(kind, trade.action);
        let stamp = self.stamp(header, ts_recv, trade.action)?;
        batch.push(*stamp.quote(defined(bid), defined(ask)).as_record());
        let outcome = if trade.action == b'T' { trade.print(&stamp, sequence, batch) } else { Ok(()) };
        self.event.end(batch, &stamp);
        outcome
    }

    /// A quote taken at the end of an interval, and the last trade before it, whose time the row's `ts_event` is.
    fn sample(
        &mut self,
        header: &RecordHeader,
        ts_recv: u64,
        trade: &Trade,
        bid: (i64, u32, u32),
        ask: (i64, u32, u32),
        batch: &mut Vec<Record>,
    ) -> Result<(), Refused> {
        let stamp = self.stamp(header, ts_recv, 0)?;
        let place = stamp.instrument as usize;
        if self.sampled.len() <= place {
            self.sampled.resize(place + 1, (0, 0, 0));
        }
        let told = (header.ts_event, trade.price, trade.size);
        let is_trade =
            trade.price != dbn::UNDEF_PRICE && trade.size > 0 && header.ts_event != dbn::UNDEF_TIMESTAMP;
        if is_trade && std::mem::replace(&mut self.sampled[place], told) != told {
            trade.print(&stamp, 0, batch)?;
        }
        let at_close = Stamp { ts_venue_ns: stamp.ts_recv_ns, ..stamp };
        batch.push(*at_close.quote(defined(bid), defined(ask)).as_record());
        self.event.end(batch, &stamp);
        Ok(())
    }

    fn bar(&mut self, kind: u8, m: &dbn::OhlcvMsg, batch: &mut Vec<Record>) -> Result<(), Refused> {
        let seconds = match (kind, self.schema) {
            (rtype::OHLCV_1S, _) | (OHLCV_OF_SCHEMA, Some(Schema::Ohlcv1S)) => 1,
            (rtype::OHLCV_1M, _) | (OHLCV_OF_SCHEMA, Some(Schema::Ohlcv1M)) => 60,
            (rtype::OHLCV_1H, _) | (OHLCV_OF_SCHEMA, Some(Schema::Ohlcv1H)) => 3_600,
            (OHLCV_OF_SCHEMA, None) => return Err("bars of an unknown interval"),
            _ => 86_400,
        };
        let open_ns = nanos(m.hd.ts_event).ok_or("time")?;
        let close_ns = open_ns.saturating_add(seconds * SECOND_NS);
        let at_open = self.stamp(&m.hd, m.hd.ts_event, 0)?;
        if [m.open, m.high, m.low, m.close].contains(&dbn::UNDEF_PRICE) {
            return Err("price");
        }
        let stamp = Stamp { ts_venue_ns: close_ns, ts_recv_ns: close_ns, ..at_open };
        let shape = BarShapeRecord {
            header: stamp.header(Kind::BarShape),
            open: m.open,
            high: m.high,
            low: m.low,
            ts_open_ns: open_ns,
        };
        let bar = BarRecord {
            header: stamp.header(Kind::Bar),
            close: m.close,
            volume: m.volume,
            trades: 0,
            vwap: 0,
        };
        batch.extend([*shape.as_record(), *bar.as_record()]);
        self.event.end(batch, &stamp);
        Ok(())
    }

    fn definition(&mut self, m: &dbn::InstrumentDefMsg, batch: &mut Vec<Record>) -> Result<(), Refused> {
        self.names.define(m.hd.instrument_id, traits_of(m), &mut self.account.instruments);
        let stamp = self.stamp(&m.hd, m.ts_recv, letter(m.instrument_class))?;
        let mut symbol = SymbolRecord {
            header: stamp.header(Kind::Symbol),
            locate: m.hd.instrument_id,
            round_lot: u32::try_from(m.min_lot_size_round_lot)
                .ok()
                .filter(|lots| *lots < u32::MAX / 2)
                .unwrap_or(1),
            venue_type: stamp.letter,
            ..SymbolRecord::default()
        };
        let name =
            self.account.instruments.get(stamp.instrument as usize).map_or("", |it| it.symbol.as_str());
        for (slot, byte) in symbol.symbol.iter_mut().zip(name.bytes()) {
            *slot = byte;
        }
        self.push_alone(&stamp, *symbol.as_record(), batch);
        Ok(())
    }

    fn status(&mut self, m: &dbn::StatusMsg, batch: &mut Vec<Record>) -> Result<(), Refused> {
        let stamp = self.stamp(&m.hd, m.ts_recv, 0)?;
        // The numbers of the format's status actions.
        let phase = match m.action {
            1 => Some(Phase::PreOpen),
            2..=6 | 11 => Some(Phase::Auction),
            7 => Some(Phase::Continuous),
            8..=10 => Some(Phase::Halted),
            12 | 13 | 15 => Some(Phase::Closed),
            0 | 14 => None,
            _ => return Err("status action"),
        };
        let record = match phase {
            Some(phase) => MarketRecord { code: phase as u8, ..stamp.market(Kind::Status) },
            None => stamp.market(Kind::Notice),
        };
        let record = MarketRecord { order_ref: m.reason.into(), other_ref: m.trading_event.into(), ..record };
        self.push_alone(&stamp, *record.as_record(), batch);
        Ok(())
    }

    fn imbalance(&mut self, m: &dbn::ImbalanceMsg, batch: &mut Vec<Record>) -> Result<(), Refused> {
        let auction = letter(m.auction_type);
        let stamp = self.stamp(&m.hd, m.ts_recv, auction)?;
        let record = MarketRecord {
            order_ref: shown(m.paired_qty),
            other_ref: shown(m.total_imbalance_qty),
            price: if m.ref_price == dbn::UNDEF_PRICE { 0 } else { m.ref_price },
            side: side(m.side),
            code: auction,
            ..stamp.market(Kind::Imbalance)
        };
        self.push_alone(&stamp, *record.as_record(), batch);
        Ok(())
    }

    fn statistic(&mut self, m: &dbn::StatMsg, batch: &mut Vec<Record>) -> Result<(), Refused> {
        let stamp = self.stamp(&m.hd, m.ts_recv, 0)?;
        let quantity = if m.quantity == dbn::UNDEF_STAT_QUANTITY { 0 } else { m.quantity };
        let record = MarketRecord {
            order_ref: u64::try_from(quantity).unwrap_or(0),
            other_ref: nanos(m.ts_ref).map_or(0, i64::cast_unsigned),
            price: if m.price == dbn::UNDEF_PRICE { 0 } else { m.price },
            code: u8::try_from(m.stat_type).unwrap_or(u8::MAX),
            ..stamp.market(Kind::Notice)
        };
        self.push_alone(&stamp, *record.as_record(), batch);
        Ok(())
    }

    /// A record that is an event of its own.
    fn push_alone(&mut self, stamp: &Stamp, record: Record, batch: &mut Vec<Record>) {
        if self.event.is_open(batch.len()) {
            self.event.end(batch, stamp);
        }
        batch.push(record);
        self.event.end(batch, stamp);
    }
}

/// What a row says of a trade.
struct Trade {
    action: u8,
    side: std::ffi::c_char,
    price: i64,
    size: u32,
}

impl Trade {
    fn print(&self, stamp: &Stamp, sequence: u32, batch: &mut Vec<Record>) -> Result<(), Refused> {
        if self.price == dbn::UNDEF_PRICE {
            return Err("price");
        }
        if self.size == 0 {
            return Err("quantity");
        }
        let stamp = Stamp { letter: b'T', ..*stamp };
        batch.push(*stamp.print(side(self.side), self.price, self.size, sequence.into()).as_record());
        Ok(())
    }
}
