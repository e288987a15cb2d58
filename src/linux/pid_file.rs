//! The file that tells the number of the agent's process, and keeps a second agent from starting.

use core::ffi::CStr;

use crate::errno::Errno;
use crate::json::write::decimal;
use crate::sys::fd::{self, Fd, OpenFlags};
use crate::sys::process;

/// The file, with a lock on it; it goes with the process.
#[derive(Debug)]
pub struct PidFile {
    path: &'static CStr,
    /// Where a relative path began: an agent in the background leaves it.
    directory: Option<Fd>,
    /// Holds the lock.
    _file: Fd,
}

impl PidFile {
    /// Writes the file, which was just opened. `attempt` is what was tried, in words, if that failed.
    ///
    /// # Errors
    /// It can not be locked or written. Another agent has it, if it can not be locked.
    pub fn write(path: &'static CStr, file: Fd, attempt: &mut &'static str) -> Result<Self, Errno> {
        // Another agent that holds it must keep its number, so nothing is cut before the lock.
        *attempt = "Cannot lock pid file '";
        file.lock()?;
        *attempt = "Failed to truncate pid file '";
        file.truncate(0)?;
        *attempt = "Failed to write pid file '";
        write_own_number(&file, b"\n")?;
        // Not for an absolute path: an open directory can not be unmounted.
        let is_relative = !path.to_bytes().starts_with(b"/");
        let directory = is_relative.then(|| Fd::open(c".", OpenFlags::READ.with(OpenFlags::DIRECTORY)).ok()).flatten();
        Ok(PidFile { path, directory, _file: file })
    }
}

/// Writes the number of this process, and something behind it.
///
/// # Errors
/// Those of write(2).
pub fn write_own_number(file: &Fd, behind: &[u8]) -> Result<(), Errno> {
    let mut digits = [0; 20];
    file.write(decimal(u64::try_from(process::id()).unwrap_or(0), &mut digits))?;
    file.write(behind).map(drop)
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // A file that is gone already is no loss.
        let _: Result<(), Errno> = match &self.directory {
            Some(directory) => fd::unlink_at(directory, self.path),
            None => fd::unlink(self.path),
        };
    }
}
