//! Who was preferred to whom, how often.

/// Comparisons of a number of arms, counted in shares of a win.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Games {
    arms: usize,
    /// Row by row: the shares that an arm has of its comparisons with another.
    won: Vec<f64>,
}

impl Games {
    /// None yet, of so many arms.
    #[must_use]
    pub fn new(arms: usize) -> Self {
        Self { arms, won: vec![0.0; arms * arms] }
    }

    /// The number of arms.
    #[must_use]
    pub fn arms(&self) -> usize {
        self.arms
    }

    /// One more comparison of two different arms, of which the first has this share: 1 for a win, ½ for a tie, 0 for a defeat.
    pub fn add(&mut self, one: usize, other: usize, share: f64) {
        self.won[one * self.arms + other] += share;
        self.won[other * self.arms + one] += 1.0 - share;
    }

    /// All comparisons of another count of the same arms, so often.
    pub fn add_all(&mut self, other: &Self, times: f64) {
        for (won, more) in self.won.iter_mut().zip(&other.won) {
            *won += more * times;
        }
    }

    /// What an arm has won of its comparisons with another, a tie as half.
    #[must_use]
    pub fn won(&self, one: usize, other: usize) -> f64 {
        self.won[one * self.arms + other]
    }

    /// How often two arms were compared.
    #[must_use]
    pub fn between(&self, one: usize, other: usize) -> f64 {
        self.won(one, other) + self.won(other, one)
    }
}
