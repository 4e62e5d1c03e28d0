//! A flag that ends stories from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that whoever tells stories looks at before each decode. Copies are the same flag, in whatever thread.
///
/// ```
/// use afterword::decode::Cancel;
///
/// let all = Cancel::new();
/// let one = all.child();
/// one.cancel();
/// assert!(one.is_cancelled() && !all.is_cancelled());
/// all.cancel();
/// assert!(all.child().is_cancelled());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<Flag>);

#[derive(Debug, Default)]
struct Flag {
    set: AtomicBool,
    parent: Option<Cancel>,
}

impl Cancel {
    /// Not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A flag that is set with this one too, and by itself sets nothing else.
    #[must_use]
    pub fn child(&self) -> Self {
        Self(Arc::new(Flag { set: AtomicBool::new(false), parent: Some(self.clone()) }))
    }

    /// Takes the flag back, where what was to end has ended and something else begins.
    pub fn reset(&self) {
        self.0.set.store(false, Ordering::Relaxed);
    }

    /// Sets the flag; whether it was set by itself already.
    #[allow(clippy::must_use_candidate, reason = "who cancels need not ask who came before")]
    pub fn cancel(&self) -> bool {
        self.0.set.swap(true, Ordering::Relaxed)
    }

    /// Whether it is set.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.set.load(Ordering::Relaxed) || self.0.parent.as_ref().is_some_and(Self::is_cancelled)
    }
}
