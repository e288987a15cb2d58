//! Replacing a file of accounts as a whole, so that it is never seen half written.
//!
//! The new file is made beside the old one, symbolic links followed, and is called `FILE+`, as busybox calls it: a file of that
//! name is a lock too, see `account_locks`. One that nobody touches for two seconds was left behind, and is removed.
//!
//! A file that is mounted by itself can not be replaced (`EBUSY`). It is not written in place, where a reader or a crash would
//! meet half of it.

use core::ffi::CStr;

use super::account_failure::{Action, Attempt, Place};
use super::account_locks::Patience;
use super::entry::Entry;
use super::lines::read_whole;
use super::new_file::{self, New, Output};
use super::path::Path;
use crate::bytes::split_path;
use crate::errno::Errno;
use crate::sys::fd::{self, Fd, OpenFlags};
use crate::sys::replace;

/// How many symbolic links are followed, as the kernel does.
const LINKS: usize = 40;

/// Who may do what with a file, beside its permissions.
const ACCESS_LIST: &CStr = c"system.posix_acl_access";

/// A file of accounts, by its name in /etc and those of what goes with it.
#[derive(Debug)]
pub struct Names {
    file: &'static CStr,
    file_place: Place,
    new_place: Place,
    /// Its lock.
    pub lock: &'static CStr,
    /// The same for people.
    pub lock_place: Place,
    /// How many fields an entry needs, and whether one that is missing is added.
    entry: (usize, bool),
}

/// /etc/passwd
pub static PASSWD: Names = Names {
    file: c"passwd",
    file_place: Place::Passwd,
    new_place: Place::NewPasswd,
    lock: c"passwd.lock",
    lock_place: Place::PasswdLock,
    entry: (0, false),
};

/// /etc/shadow, whose entries have nine fields, by shadow(5).
pub static SHADOW: Names = Names {
    file: c"shadow",
    file_place: Place::Shadow,
    new_place: Place::NewShadow,
    lock: c"shadow.lock",
    lock_place: Place::ShadowLock,
    entry: (9, true),
};

/// A file of accounts where it really is.
#[derive(Debug)]
struct AccountFile {
    directory: Fd,
    name: Path,
    file: Fd,
}

/// Whether the file of that name is in `etc`, or where symbolic links from there lead to.
///
/// # Errors
/// It is missing, or no plain file.
pub fn check(etc: &Fd, names: &Names, attempt: &mut Attempt) -> Result<(), Errno> {
    find(etc, names, attempt).map(drop)
}

fn find(etc: &Fd, names: &Names, attempt: &mut Attempt) -> Result<AccountFile, Errno> {
    *attempt = Attempt(Action::Open, names.file_place);
    let (directory, name) = follow(etc, names.file)?;
    let flags = OpenFlags::READ.with(OpenFlags::NO_FOLLOW).with(OpenFlags::NON_BLOCKING);
    let file = directory.open_at(name.as_c_str(), flags)?;
    if file.is_regular() { Ok(AccountFile { directory, name, file }) } else { Err(Errno::EINVAL) }
}

/// Puts a new file in the place of the old one, in which the entry called `name` has these fields next. False if nothing was
/// done, because there is no such entry, and none was to be added. `buffer` is room to work in. The caller has the locks.
///
/// # Errors
/// The file is as it was, unless the very last step fails, which is to wait for the disk.
pub fn replace(
    etc: &Fd,
    names: &Names,
    name: &[u8],
    fields: &[&[u8]],
    buffer: &mut [u8],
    attempt: &mut Attempt,
) -> Result<bool, Errno> {
    let AccountFile { directory, name: file_name, file: old } = find(etc, names, attempt)?;
    *attempt = Attempt(Action::Write, names.new_place);
    let new_name = Path::of(&[file_name.as_bytes(), b"+"]).ok_or(Errno::ENAMETOOLONG)?;
    let new_name = new_name.as_c_str();
    let new = New::of(&directory, new_name, create(&directory, new_name)?);
    let (reading, buffer) = buffer.split_at_mut_checked(buffer.len() / 2).unwrap_or_default();
    let mut output = Output::new(&new.file, buffer);
    let put = &mut |bytes: &[u8]| output.put(bytes);
    let (least_fields, adds) = names.entry;
    let mut entry = Entry::new(name, fields, least_fields, adds);
    *attempt = Attempt(Action::Read, names.file_place);
    // Nothing read into nothing would look like the end of the file.
    if reading.is_empty() {
        return Err(Errno::ENOBUFS);
    }
    loop {
        let count = read_whole(&old, reading)?;
        if count == 0 {
            break;
        }
        entry.take(reading.get(..count).unwrap_or_default(), put);
    }
    let is_there = entry.finish(put);
    *attempt = Attempt(Action::Write, names.new_place);
    output.finish()?;
    if !is_there {
        return Ok(false);
    }
    *attempt = Attempt(Action::KeepOwner, names.file_place);
    let status = replace::status(&old)?;
    replace::set_owner(&new.file, status.owner, status.group)?;
    *attempt = Attempt(Action::KeepAttributes, names.file_place);
    new.keep_labels(&old, reading)?;
    new.keep(&old, ACCESS_LIST, reading)?;
    // Last, because the access list has them as well.
    *attempt = Attempt(Action::KeepPermissions, names.file_place);
    new.file.set_permissions(status.permissions)?;
    *attempt = Attempt(Action::Write, names.new_place);
    replace::sync(&new.file)?;
    *attempt = Attempt(Action::Replace, names.file_place);
    new.rename(file_name.as_c_str())?;
    *attempt = Attempt(Action::Sync, names.file_place);
    new_file::sync_directory(&directory)?;
    Ok(true)
}

/// The directory and name that a name stands for, symbolic links followed.
fn follow(etc: &Fd, name: &CStr) -> Result<(Fd, Path), Errno> {
    let mut directory = etc.open_at(c".", OpenFlags::READ.with(OpenFlags::DIRECTORY))?;
    let mut name = Path::of(&[name.to_bytes()]).ok_or(Errno::ENAMETOOLONG)?;
    let mut target = [0; 1024];
    for _ in 0..LINKS {
        let length = match fd::read_link_at(&directory, name.as_c_str(), &mut target) {
            // It is no link.
            Err(Errno::EINVAL) => return Ok((directory, name)),
            read => read?,
        };
        // What fills the room may be cut.
        let text = target.get(..length).filter(|_| length < target.len()).ok_or(Errno::ENAMETOOLONG)?;
        let (_, last) = split_path(text);
        name = Path::of(&[last]).ok_or(Errno::ENAMETOOLONG)?;
        // The directory ends with its slash: the root is all slash.
        let end = length.wrapping_sub(last.len());
        if end > 0 {
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
#[inline(never)] // smaller so
fn create(directory: &Fd, name: &CStr) -> Result<Fd, Errno> {
    // What is not there has not been changed either.
    let changed = || replace::status_at(directory, name).map(|status| (status.inode, status.changed));
    let before = changed();
    let mut patience = Patience::default();
    loop {
        match new_file::create(directory, name) {
            Err(errno) => match patience.wait(errno) {
                // Nobody has touched it all the time: who made it is gone.
                Err(Errno::EBUSY) if before.is_ok() && changed() == before => {
                    replace::unlink_at(directory, name)?;
                    return new_file::create(directory, name);
                }
                waited => waited?,
            },
            created => return created,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linux::accounts_scene::Etc;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::time::Duration;

    const TEXT: &str = "root:*:1:0:99999:7:::\nuser:!:2::::::\n";

    fn replace(etc: &Etc, name: &str) -> Result<bool, (Attempt, Errno)> {
        let names = Names { entry: (9, false), ..SHADOW };
        let mut attempt = Attempt(Action::Open, Place::Etc);
        let replaced =
            super::replace(&etc.directory, &names, name.as_bytes(), &[b"h", b"9"], &mut [0; 256], &mut attempt);
        replaced.map_err(|errno| (attempt, errno))
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
        let failed = |errno| Err((Attempt(Action::Open, Place::Shadow), errno));
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
        assert_eq!(replace(&etc, "user"), Err((Attempt(Action::Open, Place::Shadow), Errno::ELOOP)));
    }

    #[test]
    fn a_link_that_is_too_long_is_not_cut() {
        let etc = Etc::new(&[("real", "root:x\n")]);
        symlink(format!("{}/etc/shadow", "../".repeat(400)), etc.path.join("shadow")).unwrap();
        assert_eq!(replace(&etc, "root"), Err((Attempt(Action::Open, Place::Shadow), Errno::ENAMETOOLONG)));
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
            assert_eq!(replace(&etc, "user"), Err((Attempt(Action::Write, Place::NewShadow), Errno::EBUSY)));
            writer.join().unwrap();
        });
        assert_eq!((etc.read("shadow").as_str(), etc.read("shadow+").as_str()), (TEXT, "more"));
        assert_eq!(replace(&etc, "user"), Ok(true));
        assert_eq!(etc.names(), ["shadow"]);
    }
}
