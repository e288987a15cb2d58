//! The files that the agent makes for itself: the log, and the one with its number. Neither is touched while file systems
//! are frozen, which an agent that was killed and started again can find them to be.

use core::ffi::CStr;

use super::Linux;
use super::complaint::failed;
use super::options::{Options, PID_FILE};
use super::pid_file::PidFile;
use crate::error::Error;
use crate::sys::fd::{Fd, OpenFlags};

/// What is still to be opened, and what is held.
#[derive(Debug)]
pub struct OwnFiles {
    log_path: Option<&'static CStr>,
    pid_path: Option<&'static CStr>,
    /// The file with the number is made if it can be, because nobody asked for it.
    is_background: bool,
    pid_file: Option<PidFile>,
}

impl OwnFiles {
    /// Nothing opened yet.
    pub const fn new(options: &Options) -> Self {
        OwnFiles {
            log_path: options.log_file,
            pid_path: options.pid_file,
            is_background: options.daemonize,
            pid_file: None,
        }
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
            let flags = OpenFlags::WRITE.with(OpenFlags::CREATE).with(OpenFlags::APPEND).with(OpenFlags::NO_TERMINAL);
            let file = Fd::open(path, flags).map_err(|errno| failed("unable to open log file '", path, errno))?;
            self.log.write_to(file);
        }
        if let Some(path) = self.own_files.pid_path.take() {
            self.own_files.is_background = false;
            self.own_files.pid_file = Some(PidFile::write(path)?);
        } else if core::mem::take(&mut self.own_files.is_background) {
            // Without a place for it the agent does as well (differences.md: pid-file-not-needed).
            self.own_files.pid_file = PidFile::write_if_possible(PID_FILE, &self.log)?;
        }
        Ok(())
    }
}
