//! The file that tells the number of the agent's process, and keeps a second agent from starting.

use core::ffi::CStr;

use super::complaint::failed;
use super::log::{Level, Log};
use crate::errno::Errno;
use crate::error::Error;
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
    /// Writes the file.
    ///
    /// # Errors
    /// It can not be opened, locked or written. Another agent has it, if it can not be locked.
    pub fn write(path: &'static CStr) -> Result<Self, Error<'static>> {
        let file = Fd::create_private(path).map_err(|errno| failed("Cannot open pid file '", path, errno))?;
        PidFile::fill(path, file)
    }

    /// Writes the file, if it can be opened; that it can not is logged.
    ///
    /// # Errors
    /// It can not be locked or written.
    pub fn write_if_possible(path: &'static CStr, log: &Log) -> Result<Option<Self>, Error<'static>> {
        match Fd::create_private(path) {
            Ok(file) => PidFile::fill(path, file).map(Some),
            Err(errno) => {
                log.error(Level::Error, &failed("Cannot open pid file '", path, errno));
                Ok(None)
            }
        }
    }

    fn fill(path: &'static CStr, file: Fd) -> Result<Self, Error<'static>> {
        // Another agent that holds it must keep its number, so nothing is cut before the lock.
        file.lock().map_err(|errno| failed("Cannot lock pid file '", path, errno))?;
        file.truncate(0).map_err(|errno| failed("Failed to truncate pid file '", path, errno))?;
        let mut digits = [0; 20];
        let id = decimal(u64::try_from(process::id()).unwrap_or(0), &mut digits);
        file.write(id)
            .and_then(|_| file.write(b"\n"))
            .map_err(|errno| failed("Failed to write pid file '", path, errno))?;
        // Not for an absolute path: an open directory can not be unmounted.
        let is_relative = !path.to_bytes().starts_with(b"/");
        let directory = is_relative.then(|| Fd::open(c".", OpenFlags::READ.with(OpenFlags::DIRECTORY)).ok()).flatten();
        Ok(PidFile { path, directory, _file: file })
    }
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
