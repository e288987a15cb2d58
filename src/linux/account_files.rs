//! Replacing a file of accounts as a whole, so that it is never seen half written.
//!
//! The new file is made beside the old one, symbolic links followed, and is called `FILE+`, as busybox calls it: a file of that
//! name is a lock too, see `account_locks`. One that nobody touches for two seconds was left behind, and is removed.
//!
//! A file that is mounted by itself can not be replaced (`EBUSY`). It is not written in place, where a reader or a crash would
//! meet half of it.

use core::ffi::CStr;

use super::account_failure::{Action, Failure, Place};
use super::account_locks::patiently;
use super::entry::Entry;
use super::new_file::{self, Name, New, Output};
use crate::errno::Errno;
use crate::sys::fd::{self, Fd, OpenFlags};
use crate::sys::replace::{self, Status};

/// How many symbolic links are followed, as the kernel does.
const LINKS: usize = 40;

/// Who may do what with a file, beside its permissions.
const ACCESS_LIST: &CStr = c"system.posix_acl_access";

/// The names in /etc of a file of accounts, and of what goes with it.
#[derive(Debug)]
pub struct Names {
    file: &'static CStr,
    file_place: Place,
    new_place: Place,
    /// Its lock.
    pub lock: &'static CStr,
    /// The same for people.
    pub lock_place: Place,
}

/// /etc/passwd
pub static PASSWD: Names = Names {
    file: c"passwd",
    file_place: Place::Passwd,
    new_place: Place::NewPasswd,
    lock: c"passwd.lock",
    lock_place: Place::PasswdLock,
};

/// /etc/shadow
pub static SHADOW: Names = Names {
    file: c"shadow",
    file_place: Place::Shadow,
    new_place: Place::NewShadow,
    lock: c"shadow.lock",
    lock_place: Place::ShadowLock,
};

/// A file of accounts where it really is.
#[derive(Debug)]
pub struct AccountFile {
    names: &'static Names,
    directory: Fd,
    name: Name,
    old: Fd,
    status: Status,
}

impl AccountFile {
    /// The file of that name in `etc`, or where symbolic links from there lead to.
    ///
    /// # Errors
    /// It is missing, or no plain file.
    pub fn find(etc: &Fd, names: &'static Names) -> Result<Self, Failure> {
        let failed = |errno| Failure(Action::Open, names.file_place, errno);
        let (directory, name) = follow(etc, names.file).map_err(failed)?;
        let flags = OpenFlags::READ.with(OpenFlags::NO_FOLLOW).with(OpenFlags::NON_BLOCKING);
        let old = directory.open_at(name.as_c_str(), flags).map_err(failed)?;
        let status = replace::status(&old).map_err(failed)?;
        if !status.is_plain {
            return Err(failed(Errno::EINVAL));
        }
        Ok(AccountFile { names, directory, name, old, status })
    }

    /// Puts a new file in its place, in which the entry is as told. False if nothing was done, because there is no such
    /// entry, and none was to be added. `buffer` is room to work in. The caller has the locks.
    ///
    /// # Errors
    /// The file is as it was, unless the very last step fails, which is to wait for the disk.
    pub fn replace(&self, mut entry: Entry<'_>, buffer: &mut [u8]) -> Result<bool, Failure> {
        let failed = |action| move |errno| Failure(action, self.names.file_place, errno);
        let writing = |errno| Failure(Action::Write, self.names.new_place, errno);
        let name = self.name.as_c_str();
        let new_name = Name::of(name.to_bytes(), b"+").map_err(writing)?;
        let new = create(&self.directory, &new_name, self.names)?;
        let (reading, buffer) = buffer.split_at_mut_checked(buffer.len() / 2).unwrap_or_default();
        // Nothing read into nothing would look like the end of the file.
        if reading.is_empty() {
            return Err(failed(Action::Read)(Errno::ENOBUFS));
        }
        let mut output = Output::new(&new.file, buffer);
        loop {
            let count = match self.old.read(reading) {
                Ok(count) => count,
                Err(Errno::EINTR) => continue,
                Err(errno) => return Err(failed(Action::Read)(errno)),
            };
            if count == 0 {
                break;
            }
            entry.take(reading.get(..count).unwrap_or_default(), &mut |bytes| output.put(bytes));
        }
        let is_there = entry.finish(&mut |bytes| output.put(bytes));
        output.flush();
        if let Some(errno) = output.failure {
            return Err(writing(errno));
        }
        if !is_there {
            return Ok(false);
        }
        replace::set_owner(&new.file, self.status.owner, self.status.group).map_err(failed(Action::KeepOwner))?;
        let kept = new.keep_labels(&self.old, reading).and_then(|()| new.keep(&self.old, ACCESS_LIST, reading));
        kept.map_err(failed(Action::KeepAttributes))?;
        // Last, because the access list has them as well.
        new.file.set_permissions(self.status.permissions).map_err(failed(Action::KeepPermissions))?;
        replace::sync(&new.file).map_err(writing)?;
        new.rename(name).map_err(failed(Action::Replace))?;
        new_file::sync_directory(&self.directory).map_err(failed(Action::Sync))?;
        Ok(true)
    }
}

/// The directory and name that a name stands for, symbolic links followed.
fn follow(etc: &Fd, name: &CStr) -> Result<(Fd, Name), Errno> {
    let mut directory = etc.open_at(c".", OpenFlags::READ.with(OpenFlags::DIRECTORY))?;
    let mut name = Name::of(name.to_bytes(), b"")?;
    let mut target = [0; 1024];
    for _ in 0..LINKS {
        let length = match fd::read_link_at(&directory, name.as_c_str(), &mut target) {
            Ok(length) => length,
            // It is no link.
            Err(Errno::EINVAL) => return Ok((directory, name)),
            Err(errno) => return Err(errno),
        };
        // The last byte makes room for a NUL, and a target that fills the rest may be cut.
        let text = target.get_mut(..length).filter(|_| length < 1023).ok_or(Errno::ENAMETOOLONG)?;
        let slash = text.iter().rposition(|&byte| byte == b'/');
        name = Name::of(text.get(slash.map_or(0, |slash| slash.saturating_add(1))..).unwrap_or_default(), b"")?;
        if let Some(slash) = slash {
            // The slash is the end of the directory, but for the root, which is all slash.
            let end = slash.max(1);
            if let Some(byte) = target.get_mut(end) {
                *byte = 0;
            }
            let path = CStr::from_bytes_until_nul(&target).map_err(|_| Errno::ENAMETOOLONG)?;
            directory = directory.open_at(path, OpenFlags::READ.with(OpenFlags::DIRECTORY))?;
        }
    }
    Err(Errno::ELOOP)
}

/// The new file, once nobody else is at it.
fn create<'d>(directory: &'d Fd, name: &'d Name, names: &Names) -> Result<New<'d>, Failure> {
    let path = name.as_c_str();
    let before = replace::status_at(directory, path);
    let created = match patiently(|| New::create(directory, name)) {
        // Nobody has touched it all the time: who made it is gone.
        Err(Errno::EBUSY) if before.is_ok() && replace::status_at(directory, path) == before => {
            replace::unlink_at(directory, path).and_then(|()| New::create(directory, name))
        }
        created => created,
    };
    created.map_err(|errno| Failure(Action::Write, names.new_place, errno))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linux::accounts_scene::Etc;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::time::Duration;

    const TEXT: &str = "root:*:1:0:99999:7:::\nuser:!:2::::::\n";

    fn replace(etc: &Etc, name: &str) -> Result<bool, Failure> {
        let file = AccountFile::find(&etc.directory, &SHADOW)?;
        file.replace(Entry::new(name.as_bytes(), &[b"h", b"9"], 9, false), &mut [0; 256])
    }

    #[test]
    fn a_replaced_file_has_its_owner_and_permissions() {
        for mode in [0o600, 0o640, 0o000, 0o4755] {
            let etc = Etc::new(&[("shadow", TEXT)]);
            let path = etc.path.join("shadow");
            // Another owner can only be given by root.
            let _ = std::os::unix::fs::chown(&path, Some(4711), Some(42));
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            let before = std::fs::metadata(&path).unwrap();
            if mode & 0o400 == 0 && before.uid() != 4711 {
                continue;
            }
            assert_eq!(replace(&etc, "user"), Ok(true));
            let after = std::fs::metadata(&path).unwrap();
            assert_eq!((after.mode(), after.uid(), after.gid()), (before.mode(), before.uid(), before.gid()));
            assert_ne!(after.ino(), before.ino());
            assert_eq!(etc.read("shadow"), TEXT.replace("user:!:2", "user:h:9"));
            assert_eq!(etc.names(), ["shadow"]);
        }
    }

    #[test]
    fn a_replaced_file_has_its_access_list() {
        const LIST: &CStr = c"system.posix_acl_access";
        // Version 2: owner rw-, user 4711 r--, group ---, mask r--, others ---.
        let list: Vec<u8> = [(1, 6, u32::MAX), (2, 4, 4711), (4, 0, u32::MAX), (16, 4, u32::MAX), (32, 0, u32::MAX)]
            .iter()
            .flat_map(|&(tag, rights, id): &(u16, u16, u32)| {
                [&tag.to_le_bytes()[..], &rights.to_le_bytes(), &id.to_le_bytes()].concat()
            })
            .collect();
        let list = [&[2, 0, 0, 0][..], &list].concat();
        let etc = Etc::new(&[("shadow", TEXT)]);
        let open = || etc.directory.open_at(c"shadow", OpenFlags::READ).unwrap();
        if replace::set_attribute(&open(), LIST, &list) == Err(Errno::EOPNOTSUPP) {
            return;
        }
        assert_eq!(replace(&etc, "user"), Ok(true));
        assert_eq!(replace::attribute(&open(), LIST, &mut [0; 128]), Ok(Some(&list[..])));
        assert_eq!(std::fs::metadata(etc.path.join("shadow")).unwrap().mode() & 0o777, 0o640);
    }

    #[test]
    fn without_the_entry_nothing_is_replaced() {
        let etc = Etc::new(&[("shadow", TEXT)]);
        let before = std::fs::metadata(etc.path.join("shadow")).unwrap().ino();
        assert_eq!(replace(&etc, "nobody"), Ok(false));
        assert_eq!(std::fs::metadata(etc.path.join("shadow")).unwrap().ino(), before);
        assert_eq!((etc.read("shadow").as_str(), etc.names()), (TEXT, vec!["shadow".to_owned()]));
    }

    #[test]
    fn a_missing_file_and_one_that_is_none_are_errors() {
        let etc = Etc::new(&[]);
        let failed = |errno| Err(Failure(Action::Open, Place::Shadow, errno));
        assert_eq!(replace(&etc, "user"), failed(Errno::ENOENT));
        std::fs::create_dir(etc.path.join("shadow")).unwrap();
        assert_eq!(replace(&etc, "user"), failed(Errno::EINVAL));
        assert_eq!(etc.names(), ["shadow"]);
    }

    #[test]
    fn links_are_followed_and_stay() {
        let etc = Etc::new(&[]);
        std::fs::create_dir_all(etc.path.join("a/b")).unwrap();
        let absolute = etc.path.join("a/b/third");
        for (link, target) in [
            ("shadow", "a/first"),
            ("a/first", "b/second"),
            ("a/b/second", absolute.to_str().unwrap()),
            ("a/b/third", "real"),
        ] {
            symlink(target, etc.path.join(link)).unwrap();
        }
        etc.write("a/b/real", TEXT);
        assert_eq!(replace(&etc, "user"), Ok(true));
        assert_eq!(etc.read("a/b/real"), TEXT.replace("user:!:2", "user:h:9"));
        assert!(std::fs::symlink_metadata(etc.path.join("shadow")).unwrap().is_symlink());
        assert_eq!(std::fs::read_dir(etc.path.join("a/b")).unwrap().count(), 3);
        std::fs::remove_file(etc.path.join("a/b/real")).unwrap();
        symlink("../../shadow", etc.path.join("a/b/real")).unwrap();
        assert_eq!(replace(&etc, "user"), Err(Failure(Action::Open, Place::Shadow, Errno::ELOOP)));
    }

    #[test]
    fn a_new_file_of_another_program_is_waited_for() {
        let etc = Etc::new(&[("shadow", TEXT), ("shadow+", "somebody is at it")]);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(300));
                std::fs::remove_file(etc.path.join("shadow+")).unwrap();
            });
            assert_eq!(replace(&etc, "user"), Ok(true));
        });
        assert_eq!(etc.names(), ["shadow"]);
    }

    #[test]
    fn one_that_is_written_to_is_a_lock_and_one_that_is_not_is_left_over() {
        let etc = Etc::new(&[("shadow", TEXT), ("shadow+", "")]);
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(300));
                etc.write("shadow+", "more");
            });
            assert_eq!(replace(&etc, "user"), Err(Failure(Action::Write, Place::NewShadow, Errno::EBUSY)));
            writer.join().unwrap();
        });
        assert_eq!((etc.read("shadow").as_str(), etc.read("shadow+").as_str()), (TEXT, "more"));
        assert_eq!(replace(&etc, "user"), Ok(true));
        assert_eq!(etc.names(), ["shadow"]);
    }
}
