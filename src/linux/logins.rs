//! Who is logged in: by the records of utmp, or, where no such file is kept, by the sessions of logind.

mod sessions;
mod utmp;

use super::Linux;
use crate::errno::Errno;
use crate::guest::{ListPlace, Login, Logins};
use crate::sys::fd::{Fd, OpenFlags};

impl Logins for Linux {
    /// All records or sessions are gone through for each user, so the work for a list grows with the square of their number.
    fn next_login<'b>(&mut self, place: &mut ListPlace, buffer: &'b mut [u8]) -> Result<Option<Login<'b>>, Errno> {
        for path in [c"/var/run/utmp", c"/run/utmp"] {
            match Fd::open(path, OpenFlags::READ.with(OpenFlags::NON_BLOCKING)) {
                Err(Errno::ENOENT | Errno::ENOTDIR) => {}
                opened => return utmp::next(&opened?, place, buffer),
            }
        }
        match Fd::open(c"/run/systemd/sessions", OpenFlags::READ.with(OpenFlags::DIRECTORY)) {
            Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
            opened => sessions::next(&opened?, place, buffer),
        }
    }
}
