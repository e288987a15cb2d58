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

use super::account_failure::{Action, Attempt, Place};
use super::account_files::Names;
use super::lines::decimal;
use super::pid_file::write_own_number;
use crate::errno::Errno;
use crate::sys::fd::{Fd, OpenFlags};
use crate::sys::{process, replace, signal};

/// How often a lock is tried, and how long is waited in between.
const TRIES: u32 = 40;
const PAUSE_MS: u32 = 50;

/// How often what is another's was tried.
#[derive(Debug, Default)]
pub struct Patience(u32);

impl Patience {
    /// Waits before the next try, if the last one failed because it is another's (`EAGAIN`, `EEXIST`).
    ///
    /// # Errors
    /// `EBUSY` after too long, else that of the try.
    pub fn wait(&mut self, errno: Errno) -> Result<(), Errno> {
        if !matches!(errno, Errno::EAGAIN | Errno::EEXIST) {
            return Err(errno);
        }
        if self.0 >= TRIES {
            return Err(Errno::EBUSY);
        }
        self.0 = self.0.wrapping_add(1);
        process::sleep_ms(PAUSE_MS);
        Ok(())
    }
}

/// The locks, each held from when it was taken until all are dropped.
#[derive(Debug)]
pub struct Locks<'d> {
    etc: &'d Fd,
    /// That of lckpwdf(3).
    all: Option<Fd>,
    /// Those of shadow-utils: files with the number of this process.
    files: [Option<&'static Names>; 2],
}

impl<'d> Locks<'d> {
    /// None taken.
    pub const fn new(etc: &'d Fd) -> Self {
        Locks { etc, all: None, files: [None; 2] }
    }

    /// Takes the one of lckpwdf(3), unless nobody can have it.
    ///
    /// # Errors
    /// Another process has it, or it can not be made.
    pub fn take_all(&mut self, attempt: &mut Attempt) -> Result<(), Errno> {
        *attempt = Attempt(Action::Lock, Place::AllLock);
        let file = match self.etc.create_at(c".pwd.lock", OpenFlags::NO_FOLLOW.with(OpenFlags::NON_BLOCKING)) {
            Err(Errno::EROFS) => return Ok(()),
            created => self.all.insert(created?),
        };
        let mut patience = Patience::default();
        while let Err(errno) = file.lock() {
            patience.wait(errno)?;
        }
        Ok(())
    }

    /// Takes the one of a file, of two at the most, unless nobody can have it. One whose process is gone is taken over.
    ///
    /// # Errors
    /// Another process has it, or it can not be made.
    pub fn take(&mut self, names: &'static Names, attempt: &mut Attempt) -> Result<(), Errno> {
        *attempt = Attempt(Action::Lock, names.lock_place);
        let mut patience = Patience::default();
        let file = loop {
            match self.etc.create_at(names.lock, OpenFlags::EXCLUSIVE.with(OpenFlags::NO_FOLLOW)) {
                Ok(file) => break file,
                Err(Errno::EROFS) => return Ok(()),
                Err(errno) => patience.wait(errno)?,
            }
            if is_left_over(self.etc, names.lock) {
                replace::unlink_at(self.etc, names.lock)?;
            }
        };
        let [first, second] = &mut self.files;
        *(if first.is_none() { first } else { second }) = Some(names);
        // The number is meant to have a NUL behind it. Without room for it nothing can be replaced either.
        write_own_number(&file, b"\0")
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

impl Drop for Locks<'_> {
    fn drop(&mut self) {
        for names in self.files.iter().flatten() {
            // One that cannot be removed is taken over by the next one.
            let _: Result<(), Errno> = replace::unlink_at(self.etc, names.lock);
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
        let held = Err(Errno::EBUSY);
        let own = std::process::id().to_string();
        let cases =
            [("1\0", held), ("", held), ("x", held), ("0", held), ("2147483647\0", Ok(())), (own.as_str(), Ok(()))];
        let check = |(text, expected): (&str, Result<(), Errno>)| {
            let etc = Etc::new(&[("shadow.lock", text)]);
            let mut locks = Locks::new(&etc.directory);
            let taken = locks.take(&SHADOW, &mut Attempt(Action::Open, Place::Etc));
            if taken.is_ok() {
                assert_eq!(etc.read("shadow.lock"), format!("{own}\0"));
            }
            drop(locks);
            assert_eq!(taken, expected, "{text}");
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
        let mut locks = Locks::new(&etc.directory);
        locks.take_all(&mut Attempt(Action::Open, Place::Etc)).unwrap();
        assert_eq!(std::fs::metadata(etc.path.join(".pwd.lock")).unwrap().mode() & 0o777, 0o600);
        drop(locks);
        assert_eq!(etc.names(), [".pwd.lock"]);
    }
}
