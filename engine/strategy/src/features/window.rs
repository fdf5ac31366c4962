//! Time windows in bounded memory: sums over a stretch of time, and what stood at its start.
//!
//! Time is cut into cells, [`CELLS`] to a window, counted from the epoch. A window of length `h` asked at `now` reaches back
//! to the start of the cell that holds `now - h`: at least `h`, at most a 256th more. So memory does not grow with the
//! market's activity, and the same records give the same sums wherever the reading began.

/// Cells of a window.
pub const CELLS: usize = 256;

/// Slots: the cells of the window, one begun at either end.
const SLOTS: usize = CELLS + 2;

/// How a window cuts time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cells {
    window_ns: i64,
    cell_ns: i64,
}

impl Cells {
    /// A window of a positive length.
    pub(crate) fn new(window_ns: i64) -> Self {
        assert!(window_ns > 0, "a window is positive, got {window_ns}");
        Self { window_ns, cell_ns: (window_ns - 1) / CELLS as i64 + 1 }
    }

    #[inline]
    fn of(self, ts_ns: i64) -> i64 {
        ts_ns.div_euclid(self.cell_ns)
    }

    /// The cell that a window asked at `now_ns` begins with.
    #[inline]
    fn first(self, now_ns: i64) -> i64 {
        self.of(now_ns.saturating_sub(self.window_ns))
    }

    /// Whether a market unbroken since `since_ns` fills the window.
    #[inline]
    pub(crate) fn is_full(self, now_ns: i64, since_ns: i64) -> bool {
        since_ns < self.first(now_ns).saturating_mul(self.cell_ns)
    }
}

#[inline]
fn slot(cell: i64) -> usize {
    usize::try_from(cell.rem_euclid(SLOTS as i64)).unwrap_or(0)
}

/// Sums of `N` integers over a time window: exact, so that adding and taking off never drift.
#[derive(Clone, Debug)]
pub(crate) struct Sums<const N: usize> {
    cells: Cells,
    slots: Box<[[i64; N]]>,
    /// Over the cells from `first` to `last`.
    sums: [i64; N],
    first: i64,
    last: i64,
}

impl<const N: usize> Sums<N> {
    pub(crate) fn new(window_ns: i64) -> Self {
        let cells = Cells::new(window_ns);
        Self { cells, slots: vec![[0; N]; SLOTS].into(), sums: [0; N], first: i64::MIN, last: i64::MIN }
    }

    /// Adds at `now_ns`, which never runs backwards.
    #[inline]
    pub(crate) fn add(&mut self, now_ns: i64, values: [i64; N]) {
        self.advance(now_ns);
        let slot = &mut self.slots[slot(self.last)];
        for ((sum, cell), value) in self.sums.iter_mut().zip(slot).zip(values) {
            *sum = sum.saturating_add(value);
            *cell = cell.saturating_add(value);
        }
    }

    /// Sums over the window that ends at `now_ns`.
    #[inline]
    pub(crate) fn sums(&mut self, now_ns: i64) -> &[i64; N] {
        self.advance(now_ns);
        &self.sums
    }

    #[inline]
    pub(crate) fn is_full(&self, now_ns: i64, since_ns: i64) -> bool {
        self.cells.is_full(now_ns, since_ns)
    }

    #[inline]
    fn advance(&mut self, now_ns: i64) {
        let (first, last) = (self.cells.first(now_ns), self.cells.of(now_ns));
        if last == self.last && first == self.first {
            return;
        }
        if self.last == i64::MIN || first > self.last {
            self.slots.fill([0; N]);
            self.sums = [0; N];
        } else {
            for cell in self.first..first {
                let old = std::mem::replace(&mut self.slots[slot(cell)], [0; N]);
                for (sum, value) in self.sums.iter_mut().zip(old) {
                    *sum = sum.saturating_sub(value);
                }
            }
        }
        (self.first, self.last) = (first, last);
    }

    pub(crate) fn clear(&mut self) {
        self.slots.fill([0; N]);
        self.sums = [0; N];
    }
}

/// A price as it stood at the start of a window.
#[derive(Clone, Debug)]
pub(crate) struct Past {
    cells: Cells,
    /// The price that stood when the cell began.
    slots: Box<[f64]>,
    now: f64,
    last: i64,
}

impl Past {
    pub(crate) fn new(window_ns: i64) -> Self {
        let cells = Cells::new(window_ns);
        Self { cells, slots: vec![0.0; SLOTS].into(), now: 0.0, last: i64::MIN }
    }

    /// The price from `now_ns` on.
    #[inline]
    pub(crate) fn set(&mut self, now_ns: i64, price: f64) {
        let cell = self.cells.of(now_ns);
        if cell > self.last {
            // Older slots than there are would be written over again.
            let from = self.last.saturating_add(1).max(cell - (SLOTS as i64 - 1));
            for begun in from..=cell {
                self.slots[slot(begun)] = self.now;
            }
            self.last = cell;
        }
        self.now = price;
    }

    /// The price that stood just before the window that ends at `now_ns`, the time of the last [`Past::set`]; `None` where
    /// the market is not unbroken since before then.
    #[inline]
    pub(crate) fn before(&self, now_ns: i64, since_ns: i64) -> Option<f64> {
        let is_full = self.cells.is_full(now_ns, since_ns);
        is_full.then(|| self.slots[slot(self.cells.first(now_ns))])
    }
}
