//! The files that the agent makes for itself: the log, and the one with its number. Neither is touched while file systems
//! are frozen, which an agent that was killed and started again can find them to be.

use core::ffi::CStr;

use super::Linux;
use super::options::Options;
use crate::errno::Errno;
use crate::error;
use crate::error::Error;
use crate::json::write::decimal;
use crate::sys::fd::{self, Fd, OpenFlags};
use crate::sys::process;

/// What is still to be opened, and what is held.
#[derive(Debug)]
pub struct OwnFiles {
    log_path: Option<&'static CStr>,
    pid_path: Option<&'static CStr>,
    pid_file: Option<PidFile>,
}

impl OwnFiles {
    /// Nothing opened yet.
    pub const fn new(options: &Options) -> Self {
        OwnFiles { log_path: options.log_file, pid_path: options.pid_file, pid_file: None }
    }

    /// Removes the file with the number of this process.
    pub fn remove(&mut self) {
        self.pid_file = None;
    }
}

impl Linux {
    /// Opens those that are not open yet, unless file systems are frozen.
    ///
    /// # Errors
    /// One of them cannot be opened; it is not tried again.
    pub fn open_own_files(&mut self) -> Result<(), Error<'static>> {
        #[cfg(feature = "freeze")]
        if self.freeze.is_frozen() {
            return Ok(());
        }
        if let Some(path) = self.own_files.log_path.take() {
            let flags = OpenFlags::WRITE.with(OpenFlags::CREATE).with(OpenFlags::APPEND);
            let file = Fd::open(path, flags)
                .map_err(|errno| error!["unable to open log file '", path.to_bytes(), "': ", errno])?;
            self.log.write_to(file);
        }
        if let Some(path) = self.own_files.pid_path.take() {
            self.own_files.pid_file = Some(PidFile::write(path)?);
        }
        Ok(())
    }
}

/// A file with the number of this process, which goes with it.
#[derive(Debug)]
struct PidFile {
    path: &'static CStr,
    /// Holds the lock.
    _file: Fd,
}

impl PidFile {
    fn write(path: &'static CStr) -> Result<Self, Error<'static>> {
        let failed = |errno| error!["cannot write pid file '", path.to_bytes(), "': ", errno];
        let file = Fd::open(path, OpenFlags::WRITE.with(OpenFlags::CREATE)).map_err(failed)?;
        // Another agent that holds it must keep its number, so nothing is cut before the lock.
        file.lock().map_err(|errno| error!["cannot lock pid file '", path.to_bytes(), "': ", errno])?;
        file.truncate(0).map_err(failed)?;
        let mut digits = [0; 20];
        let id = decimal(u64::try_from(process::id()).unwrap_or(0), &mut digits);
        file.write(id).and_then(|_| file.write(b"\n")).map_err(failed)?;
        Ok(PidFile { path, _file: file })
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // A file that is gone already is no loss.
        let _: Result<(), Errno> = fd::unlink(self.path);
    }
}
