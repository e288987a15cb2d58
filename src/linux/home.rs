//! The directory of a user, reached without following what the user could have put in the way.

use super::path::Path;
use crate::bytes::put;
use crate::errno::Errno;
use crate::sys::fd::{self, Fd, OpenFlags};
use crate::sys::replace;

/// How many symbolic links are followed, as the kernel does.
const LINKS: usize = 40;
/// The owner of what nobody else could have made.
const ROOT: u32 = 0;

/// Opens the place of a directory by its absolute path, component by component. A symbolic link is followed only if it and
/// the directory that it is in are root's. `buffer` is room for the path of links, half of it for each.
///
/// # Errors
/// Those of openat(2): `ENOTDIR` for something else than a directory, `ELOOP` for another's link, or too many of them; `ENOENT` for a path that is not absolute.
pub fn open(path: &[u8], buffer: &mut [u8]) -> Result<Fd, Errno> {
    const PLACE: OpenFlags = OpenFlags::PLACE.with(OpenFlags::NO_FOLLOW);
    let root = || Fd::open(c"/", OpenFlags::PLACE.with(OpenFlags::DIRECTORY));
    if path.first() != Some(&b'/') {
        return Err(Errno::ENOENT);
    }
    let (mut text, mut other) = buffer.split_at_mut_checked(buffer.len() / 2).unwrap_or_default();
    let mut end = put(text, 0, path).ok_or(Errno::ENAMETOOLONG)?;
    let mut start = 0_usize;
    let mut directory = root()?;
    let mut links = 0_usize;
    loop {
        let rest = text.get(start..end).unwrap_or_default();
        let slashes = rest.iter().take_while(|&&byte| byte == b'/').count();
        let rest = rest.get(slashes..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(directory);
        }
        let length = rest.iter().take_while(|&&byte| byte != b'/').count();
        let name = Path::of(&[rest.get(..length).unwrap_or_default()]).ok_or(Errno::ENAMETOOLONG)?;
        start = start.wrapping_add(slashes).wrapping_add(length);
        let next = directory.open_at(name.as_c_str(), PLACE)?;
        let status = replace::status(&next)?;
        if !status.is_link {
            // Anew and as a directory, for which what is mounted on demand gets mounted.
            directory = directory.open_at(name.as_c_str(), PLACE.with(OpenFlags::DIRECTORY))?;
            continue;
        }
        links = links.wrapping_add(1);
        if links > LINKS || status.owner != ROOT || replace::status(&directory)?.owner != ROOT {
            return Err(Errno::ELOOP);
        }
        let target = fd::read_link_at(&next, c"", other)?;
        // What fills the room may be cut.
        if target >= other.len() {
            return Err(Errno::ENAMETOOLONG);
        }
        end = put(other, target, text.get(start..end).unwrap_or_default()).ok_or(Errno::ENAMETOOLONG)?;
        start = 0;
        core::mem::swap(&mut text, &mut other);
        if text.first() == Some(&b'/') {
            directory = root()?;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // of a test
mod tests {
    use super::*;
    use crate::linux::accounts_scene::Etc;
    use std::os::unix::fs::symlink;

    fn opened(path: &str) -> Result<u64, Errno> {
        open(path.as_bytes(), &mut [0; 4096]).map(|directory| replace::status(&directory).unwrap().inode)
    }

    #[test]
    fn a_path_leads_where_the_system_has_it() {
        let root = replace::status(&Fd::open(c"/", OpenFlags::PLACE).unwrap()).unwrap().inode;
        for path in ["/", "///", "/..", "/./proc/.."] {
            assert_eq!(opened(path), Ok(root), "{path}");
        }
        // It is root's, as is what it is in, and it leads through a link of the same kind.
        assert!(opened("/proc/1/task/../../sys").is_ok());
        for path in ["", "proc", "/no/such"] {
            assert_eq!(opened(path), Err(Errno::ENOENT), "{path}");
        }
        assert_eq!(opened(&"/.".repeat(3000)), Err(Errno::ENAMETOOLONG));
    }

    #[test]
    fn a_link_is_followed_only_if_nobody_but_root_could_have_made_it() {
        let etc = Etc::new(&[]);
        std::fs::create_dir(etc.path.join("real")).unwrap();
        let is_root = replace::status(&etc.directory).unwrap().owner == ROOT;
        for (link, target) in [("near", "real"), ("far", etc.path.join("near").to_str().unwrap()), ("loop", "loop")] {
            symlink(target, etc.path.join(link)).unwrap();
        }
        let place = |name: &str| opened(etc.path.join(name).to_str().unwrap());
        for name in ["near", "far", "near/../far"] {
            assert_eq!(place(name), if is_root { place("real") } else { Err(Errno::ELOOP) }, "{name}");
        }
        assert_eq!(place("loop"), Err(Errno::ELOOP));
        if is_root {
            // Somebody else's link, and somebody else's directory.
            std::os::unix::fs::lchown(etc.path.join("near"), Some(4711), None).unwrap();
            assert_eq!(place("near"), Err(Errno::ELOOP));
            assert_eq!(place("far"), Err(Errno::ELOOP));
            std::os::unix::fs::lchown(etc.path.join("near"), Some(0), None).unwrap();
            assert!(place("near").is_ok());
            std::os::unix::fs::chown(&etc.path, Some(4711), None).unwrap();
            assert_eq!(place("near"), Err(Errno::ELOOP));
        }
    }
}
