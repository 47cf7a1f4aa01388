use std::hash::{BuildHasher, RandomState};

/// Numbers from a seed that a test prints (splitmix64): the same seed, the same numbers.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// From a seed that nobody chose.
    #[must_use]
    pub fn new() -> Self {
        Self::from_seed(RandomState::new().hash_one(std::process::id()))
    }

    /// From this seed.
    #[must_use]
    pub const fn from_seed(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub const fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

impl Default for Random {
    fn default() -> Self {
        Self::new()
    }
}
