//! Freezing of file systems, as a platform offers it.

use crate::errno::Errno;

/// Why a helper program did not do what it was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HelperError {
    /// There can be no process for it, or nothing to read its words from.
    Create(Errno),
    /// It cannot be run.
    Execute(&'static [u8], Errno),
    /// It ended with this status.
    Failed(i32),
    /// A signal ended it.
    Killed,
    /// It did not end in so many seconds, and was ended.
    TimedOut(u32),
    /// It cannot be waited for.
    Wait(Errno),
}

/// Why file systems cannot be frozen or thawed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FreezeReason {
    /// What is mounted is not told.
    List(Errno),
    /// More than this many file systems are mounted.
    TooMany(usize),
    /// The quoted place cannot be opened.
    Open(Errno),
    /// The file system at the quoted place cannot be frozen.
    Freeze(Errno),
    /// The hook failed; what it said is quoted.
    Hook(HelperError),
    /// The agent has ended the freeze by itself after so many seconds.
    Ended(i64),
}

/// An error of [`Freeze`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreezeError {
    /// What it was.
    pub reason: FreezeReason,
    /// How many bytes at the start of the buffer belong to it.
    pub quoted: usize,
}

/// Chooses file systems by the places where they are mounted.
pub type Wanted<'w> = &'w dyn Fn(&[u8]) -> bool;

/// File systems that can be frozen: whoever wants to change one waits until it is thawed. While any is,
/// [`Guest::refusal`](crate::guest::Guest::refusal) refuses commands without
/// [`Flags::while_frozen`](crate::guest::Flags::while_frozen).
pub trait Freeze {
    /// Whether file systems are frozen. A platform that ends a freeze nobody looks after takes this for a look.
    fn is_frozen(&mut self) -> bool;

    /// Freezes all file systems that can be, or those of which a place is `wanted`; answers how many. `buffer` is room to
    /// work in.
    ///
    /// # Errors
    /// Those of the type, but for `Ended`. Nothing is frozen then.
    fn freeze(&mut self, wanted: Option<Wanted<'_>>, buffer: &mut [u8]) -> Result<i64, FreezeError>;

    /// Thaws all file systems, whoever has frozen them; answers how many were frozen. `buffer` is room to work in.
    ///
    /// # Errors
    /// `List`, if nothing could be thawed; `Hook` and `Ended` although everything is.
    fn thaw(&mut self, buffer: &mut [u8]) -> Result<i64, FreezeError>;
}
