//! The locks on the files of accounts.
//!
//! Three kinds are in use, and no program takes them all, so all are taken:
//! - `/etc/.pwd.lock`, a lock of fcntl(2): lckpwdf(3) of glibc, and with it PAM, shadow-utils and systemd;
//! - `FILE.lock` with the number of its process: shadow-utils, for which it is the only one with a C library whose lckpwdf(3)
//!   does nothing (musl);
//! - `FILE+`, the new file itself, which must not exist: busybox; see `account_files`.
//!
//! Each is waited for, for two seconds at the most. Where /etc is read-only nobody can take the first two, so they are not
//! needed: the file can only be replaced there if it is a symbolic link to another place.

use core::ffi::CStr;

use super::account_failure::{Action, Failure, Place};
use super::account_files::Names;
use super::lines::decimal;
use crate::errno::Errno;
use crate::json::write;
use crate::sys::fd::{Fd, OpenFlags};
use crate::sys::{process, replace, signal};

/// How often a lock is tried, and how long is waited in between.
const TRIES: u32 = 40;
const PAUSE_MS: u32 = 50;

/// Tries until what is wanted is not another's any more (`EAGAIN`, `EEXIST`), or for too long.
///
/// # Errors
/// `EBUSY` after too long, else that of the try.
pub fn patiently<T>(mut attempt: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    let mut left = TRIES;
    loop {
        match attempt() {
            Err(Errno::EAGAIN | Errno::EEXIST) if left > 0 => process::sleep_ms(PAUSE_MS),
            Err(Errno::EAGAIN | Errno::EEXIST) => return Err(Errno::EBUSY),
            result => return result,
        }
        left = left.saturating_sub(1);
    }
}

/// The lock of lckpwdf(3), held until it is dropped. `None` where nobody can have it.
#[derive(Debug)]
pub struct AccountsLock(#[allow(dead_code)] Option<Fd>); // held, never looked at

impl AccountsLock {
    /// Takes the lock.
    ///
    /// # Errors
    /// Another process has it, or it can not be made.
    pub fn take(etc: &Fd) -> Result<Self, Failure> {
        let failed = |errno| Failure(Action::Lock, Place::AllLock, errno);
        let file = match etc.create_at(c".pwd.lock", OpenFlags::NO_FOLLOW.with(OpenFlags::NON_BLOCKING)) {
            Ok(file) => file,
            Err(Errno::EROFS) => return Ok(AccountsLock(None)),
            Err(errno) => return Err(failed(errno)),
        };
        patiently(|| file.lock()).map_err(failed)?;
        Ok(AccountsLock(Some(file)))
    }
}

/// The lock of shadow-utils on one file: a file with the number of this process, removed when it is dropped.
#[derive(Debug)]
pub struct FileLock<'d> {
    etc: &'d Fd,
    /// `None` where nobody can have it.
    name: Option<&'static CStr>,
}

impl<'d> FileLock<'d> {
    /// Takes the lock. One whose process is gone is taken over.
    ///
    /// # Errors
    /// Another process has it, or it can not be made.
    pub fn take(etc: &'d Fd, names: &'static Names) -> Result<Self, Failure> {
        let failed = |errno| Failure(Action::Lock, names.lock_place, errno);
        let create = || etc.create_at(names.lock, OpenFlags::EXCLUSIVE.with(OpenFlags::NO_FOLLOW));
        let created = patiently(|| match create() {
            Err(Errno::EEXIST) if is_left_over(etc, names.lock) => {
                replace::unlink_at(etc, names.lock)?;
                create()
            }
            created => created,
        });
        match created {
            Ok(file) => {
                let lock = FileLock { etc, name: Some(names.lock) };
                let mut digits = [0; 20];
                let number = write::decimal(u64::try_from(process::id()).unwrap_or(0), &mut digits);
                // The number is meant to have a NUL behind it. Without room for it nothing can be replaced either.
                file.write(number).and_then(|_| file.write(b"\0")).map_err(failed)?;
                Ok(lock)
            }
            Err(Errno::EROFS) => Ok(FileLock { etc, name: None }),
            Err(errno) => Err(failed(errno)),
        }
    }
}

/// Whether a lock's process is gone; one of an earlier life with this process's own number is gone too.
fn is_left_over(etc: &Fd, lock: &CStr) -> bool {
    let mut text = [0; 32];
    let length = etc.open_at(lock, OpenFlags::READ.with(OpenFlags::NON_BLOCKING)).and_then(|file| file.read(&mut text));
    let text = text.get(..length.unwrap_or(0)).unwrap_or_default();
    let Some(pid) = decimal(text).and_then(|(pid, _)| i32::try_from(pid).ok()).filter(|&pid| pid > 0) else {
        return false;
    };
    pid == process::id() || signal::send(pid, 0) == Err(Errno::ESRCH)
}

impl Drop for FileLock<'_> {
    fn drop(&mut self) {
        if let Some(name) = self.name {
            // One that cannot be removed is taken over by the next one.
            let _: Result<(), Errno> = replace::unlink_at(self.etc, name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linux::account_files::SHADOW;
    use crate::linux::accounts_scene::Etc;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn the_lock_of_a_file_is_taken_over_from_the_dead_only() {
        let held = Err(Failure(Action::Lock, Place::ShadowLock, Errno::EBUSY));
        let own = std::process::id().to_string();
        let cases =
            [("1\0", held), ("", held), ("x", held), ("0", held), ("2147483647\0", Ok(())), (own.as_str(), Ok(()))];
        let check = |(text, expected): (&str, Result<(), Failure>)| {
            let etc = Etc::new(&[("shadow.lock", text)]);
            let taken = FileLock::take(&etc.directory, &SHADOW);
            if taken.is_ok() {
                assert_eq!(etc.read("shadow.lock"), format!("{own}\0"));
            }
            assert_eq!(taken.map(drop), expected, "{text}");
            assert_eq!(etc.names().is_empty(), expected.is_ok());
        };
        // At the same time, because one that is held is waited for.
        std::thread::scope(|scope| {
            for case in cases {
                scope.spawn(move || check(case));
            }
        });
    }

    #[test]
    fn the_lock_of_all_files_is_held_until_it_is_dropped() {
        let etc = Etc::new(&[]);
        let lock = AccountsLock::take(&etc.directory).unwrap();
        assert_eq!(std::fs::metadata(etc.path.join(".pwd.lock")).unwrap().mode() & 0o777, 0o600);
        drop(lock);
        assert_eq!(etc.names(), [".pwd.lock"]);
    }
}
