//! Who is logged in: by the records of utmp, or, where no such file is kept, by the sessions of logind.

mod sessions;
mod utmp;

use core::ffi::CStr;

use super::Linux;
use crate::errno::Errno;
use crate::guest::{ListPlace, Login, Logins};
use crate::sys::fd::{Fd, OpenFlags};

impl Logins for Linux {
    /// All records or sessions are gone through for each user, so the work for a list grows with the square of their number.
    #[inline(never)] // smaller so
    fn next_login<'b>(&mut self, place: &mut ListPlace, buffer: &'b mut [u8]) -> Result<Option<Login<'b>>, Errno> {
        for path in &[c"/var/run/utmp", c"/run/utmp"] {
            if let Some(file) = open(path, OpenFlags::NON_BLOCKING)? {
                return utmp::next(&file, place, buffer);
            }
        }
        match open(c"/run/systemd/sessions", OpenFlags::DIRECTORY)? {
            Some(directory) => sessions::next(&directory, place, buffer),
            None => Ok(None),
        }
    }
}

/// Opens what may be missing, to read.
fn open(path: &CStr, flags: OpenFlags) -> Result<Option<Fd>, Errno> {
    match Fd::open(path, OpenFlags::READ.with(flags)) {
        Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
        opened => opened.map(Some),
    }
}
