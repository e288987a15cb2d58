//! The files that the agent makes for itself: the log, and the one with its number. Neither is touched while file systems
//! are frozen, which an agent that was killed and started again can find them to be.

use core::ffi::CStr;

use super::Linux;
use super::complaint::failed;
use super::log::Level;
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
        if cfg!(feature = "log")
            && let Some(path) = self.own_files.log_path.take()
        {
            let flags = OpenFlags::WRITE.with(OpenFlags::CREATE).with(OpenFlags::APPEND).with(OpenFlags::NO_TERMINAL);
            match Fd::open(path, flags) {
                Ok(file) => self.log.write_to(file),
                Err(errno) => return Err(failed("unable to open log file '", path, errno)),
            }
        }
        let is_background = core::mem::take(&mut self.own_files.is_background);
        let wanted = self.own_files.pid_path.take();
        if !cfg!(feature = "daemon") || (wanted.is_none() && !is_background) {
            return Ok(());
        }
        let path = wanted.unwrap_or(PID_FILE);
        let file = match Fd::create_private(path) {
            Ok(file) => file,
            Err(errno) => {
                let error = failed("Cannot open pid file '", path, errno);
                if wanted.is_some() {
                    return Err(error);
                }
                // Without a place for it the agent does as well (differences.md: pid-file-not-needed).
                self.log.error(Level::Error, &error);
                return Ok(());
            }
        };
        let mut attempt = "";
        match PidFile::write(path, file, &mut attempt) {
            Ok(file) => self.own_files.pid_file = Some(file),
            Err(errno) => return Err(failed(attempt, path, errno)),
        }
        Ok(())
    }
}
