//! The things of sysfs that can be switched on and off: directories that are named by a word and a number, `cpu0`,
//! `memory12`, with a file for the state. They are listed in pieces, in the order of the kernel, from a directory that is
//! opened anew for each piece.

use core::ffi::CStr;

use crate::errno::Errno;
use crate::guest::ListPlace;
use crate::json::write::decimal as digits;
use crate::linux::lines::decimal;
use crate::linux::path::open_at;
use crate::linux::pseudo::Pseudo;
use crate::sys::directory;
use crate::sys::fd::{Fd, OpenFlags, SeekFrom};

/// A kind of such things.
#[derive(Debug)]
pub struct Kind {
    /// The directory that they are in.
    pub directory: &'static CStr,
    /// What stands before the number.
    pub word: &'static [u8],
    /// The file for the state, with a slash before it.
    pub file: &'static [u8],
    /// What it begins with while the thing is in use, and what brings it there.
    pub online: &'static [u8],
    /// What takes the thing out of use.
    pub offline: &'static [u8],
    /// The file that begins with `0` if it can not be taken out of use, likewise; empty if each that has a state can.
    pub removable: &'static [u8],
}

/// What of it has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// To have a list of all.
    List,
    /// To find the one with the number.
    Find,
    /// To open its state.
    Open,
    /// To take out of use what has no state, and so always is in use.
    Offline,
    /// To read its state.
    Read,
    /// To make sense of its state, which is empty.
    Understand,
    /// To write its state.
    Write,
}

/// What has failed, with which number, and why.
pub type Failure = (Action, u64, Errno);

/// How one of them is, and whether it can be taken out of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// It is in use.
    pub is_online: bool,
    /// It can be taken out of use.
    pub can_offline: bool,
}

impl Kind {
    /// Gives each of them from a place on to `visit`, with its number and the place behind it, until that answers false.
    ///
    /// # Errors
    /// What fails with one of them ends the list.
    pub fn list(
        &self,
        sys: &mut Pseudo,
        from: ListPlace,
        buffer: &mut [u8],
        visit: &mut dyn FnMut(u64, State, ListPlace) -> bool,
    ) -> Result<(), Failure> {
        let not_listed = |errno| (Action::List, 0, errno);
        let directory = sys.open(self.directory).map_err(not_listed)?;
        let mut result = Ok(());
        each(&directory, self.word, from, buffer, &mut |number, place| match self.state(&directory, number) {
            Ok(state) => state.is_none_or(|state| visit(number, state, place)),
            Err((action, errno)) => {
                result = Err((action, number, errno));
                false
            }
        })
        .map_err(not_listed)?;
        result
    }

    /// The state of one of the list; `None` if it is gone.
    fn state(&self, directory: &Fd, number: u64) -> Result<Option<State>, (Action, Errno)> {
        let open = |file: &[u8]| self.open(directory, number, file, OpenFlags::READ);
        let file = match open(self.file) {
            Ok(file) => file,
            Err(Errno::ENOENT) => {
                let is_there = open(b"") != Err(Errno::ENOENT);
                return Ok(is_there.then_some(State { is_online: true, can_offline: false }));
            }
            Err(errno) => return Err((Action::Open, errno)),
        };
        let is_online = match self.is_online(&file) {
            Ok(is_online) => is_online,
            Err((_, Errno::ENODEV)) => return Ok(None),
            Err(failure) => return Err(failure),
        };
        // What the kernel says of this is a guess; where it says nothing there is none.
        let can_offline = self.removable.is_empty()
            || open(self.removable)
                .is_ok_and(|file| start(&file, &mut [0; 8]).is_ok_and(|text| !matches!(text, [] | [b'0', ..])));
        Ok(Some(State { is_online, can_offline }))
    }

    /// Brings one of them into a state, if it is not in it.
    ///
    /// # Errors
    /// All that is in the type.
    pub fn switch(&self, sys: &mut Pseudo, number: u64, online: bool) -> Result<(), (Action, Errno)> {
        let directory = sys.open(self.directory).map_err(|errno| (Action::List, errno))?;
        self.open(&directory, number, b"", OpenFlags::READ).map_err(|errno| (Action::Find, errno))?;
        let file = match self.open(&directory, number, self.file, OpenFlags::READ_WRITE) {
            Ok(file) => file,
            Err(Errno::ENOENT) if online => return Ok(()),
            Err(Errno::ENOENT) => return Err((Action::Offline, Errno::ENOENT)),
            Err(errno) => return Err((Action::Open, errno)),
        };
        if self.is_online(&file)? == online {
            return Ok(());
        }
        // A file of sysfs takes all or nothing.
        file.write(if online { self.online } else { self.offline }).map(drop).map_err(|errno| (Action::Write, errno))
    }

    /// Opens the directory of one of them, or a file in it.
    fn open(&self, directory: &Fd, number: u64, file: &[u8], flags: OpenFlags) -> Result<Fd, Errno> {
        open_at(directory, &[self.word, digits(number, &mut [0; 20]), file], flags)
    }

    fn is_online(&self, file: &Fd) -> Result<bool, (Action, Errno)> {
        match start(file, &mut [0; 16]) {
            Ok([]) => Err((Action::Understand, Errno::EIO)),
            Ok(state) => Ok(state.starts_with(self.online)),
            Err(errno) => Err((Action::Read, errno)),
        }
    }
}

/// Gives the number of each entry `WORD` + number from a place on to `visit`, with the place behind it, until that answers
/// false. Bounded by the number of entries.
///
/// # Errors
/// Those of lseek(2) and getdents64(2).
fn each(
    directory: &Fd,
    word: &[u8],
    from: ListPlace,
    buffer: &mut [u8],
    visit: &mut dyn FnMut(u64, ListPlace) -> bool,
) -> Result<(), Errno> {
    let ListPlace([offset, last]) = from;
    let mut given = None;
    if from != ListPlace::default() {
        directory.seek(offset, SeekFrom::Start)?;
        // An offset of sysfs is a hash of a name. Of two names with the same one, both come again.
        given = Some(last.cast_unsigned());
    }
    directory::entries(directory, buffer, |name, behind| {
        let number = name.to_bytes().strip_prefix(word).and_then(decimal);
        match number {
            Some((number, b"")) if given != Some(number) => visit(number, ListPlace([behind, number.cast_signed()])),
            _ => true,
        }
    })
}

/// Reads the start of a small file; answers what there is of it.
///
/// # Errors
/// Those of read(2).
pub fn start<'b>(file: &Fd, buffer: &'b mut [u8]) -> Result<&'b [u8], Errno> {
    let length = file.read_at(buffer, 0)?;
    Ok(buffer.get(..length).unwrap_or_default())
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use std::collections::BTreeSet;
    use std::ffi::CString;

    use super::*;

    fn open(path: &str) -> Fd {
        let path = CString::new(path).unwrap();
        Fd::open(&path, OpenFlags::READ.with(OpenFlags::DIRECTORY)).unwrap()
    }

    /// All numbers, taken `piece` at a time.
    fn numbers(path: &str, word: &[u8], piece: usize) -> Vec<u64> {
        let mut place = ListPlace::default();
        let mut all = Vec::new();
        loop {
            let begin = all.len();
            each(&open(path), word, place, &mut [0; 1024], &mut |number, behind| {
                if all.len() == begin + piece {
                    return false;
                }
                all.push(number);
                place = behind;
                true
            })
            .unwrap();
            if all.len() == begin {
                return all;
            }
        }
    }

    #[test]
    fn pieces_of_any_length_give_each_number_once() {
        let directory = std::env::temp_dir().join(format!("picoqga-{}-numbered", std::process::id()));
        std::fs::create_dir(&directory).unwrap();
        for number in 0..500 {
            std::fs::write(directory.join(format!("memory{number}")), "").unwrap();
        }
        for other in ["memory", "memory1x", "memory-1", "memoryx", "cpu3", "memory99999999999999999999"] {
            std::fs::write(directory.join(other), "").unwrap();
        }
        let path = directory.to_str().unwrap();
        let found: Vec<_> = [1, 2, 7, 100, 1000].map(|piece| numbers(path, b"memory", piece)).into();
        std::fs::remove_dir_all(&directory).unwrap();
        for numbers in found {
            assert_eq!(numbers.len(), 500);
            assert_eq!(numbers.into_iter().collect::<BTreeSet<_>>(), (0..500).collect());
        }
    }

    #[test]
    fn what_is_gone_or_unknown_is_told_from_what_is_there() {
        let kind = Kind {
            directory: c"",
            word: b"memory",
            file: b"/state",
            online: b"online",
            offline: b"offline",
            removable: b"/removable",
        };
        let directory = std::env::temp_dir().join(format!("picoqga-{}-states", std::process::id()));
        let is = |is_online, can_offline| Ok(Some(State { is_online, can_offline }));
        let cases = [
            (Some("online\n"), Some("1\n"), is(true, true)),
            (Some("offline\n"), Some("0\n"), is(false, false)),
            (Some("going-offline\n"), Some("1\n"), is(false, true)),
            (Some("online\n"), Some(""), is(true, false)),
            (Some("online\n"), None, is(true, false)),
            (None, None, is(true, false)),
            (Some(""), None, Err((Action::Understand, Errno::EIO))),
        ];
        for (number, (state, removable, _)) in cases.iter().enumerate() {
            let block = directory.join(format!("memory{number}"));
            std::fs::create_dir_all(&block).unwrap();
            for (name, content) in [("state", state), ("removable", removable)] {
                if let Some(content) = content {
                    std::fs::write(block.join(name), content).unwrap();
                }
            }
        }
        // One that is listed, and gone when it is looked at.
        std::os::unix::fs::symlink("nowhere", directory.join("memory99")).unwrap();
        let blocks = open(directory.to_str().unwrap());
        let found: Vec<_> = (0..).zip(&cases).map(|(number, _)| kind.state(&blocks, number)).collect();
        let gone = kind.state(&blocks, 99);
        std::fs::remove_dir_all(&directory).unwrap();
        assert_eq!(found, cases.map(|(.., expected)| expected));
        assert_eq!(gone, Ok(None));
    }

    #[test]
    fn a_name_that_comes_again_is_not_given_again() {
        // As if each name had the same offset as the one before it.
        let path = "/sys/devices/system/memory";
        let mut all = Vec::new();
        let Ok(directory) = std::fs::metadata(path).map(|_| open(path)) else { return };
        each(&directory, b"memory", ListPlace::default(), &mut [0; 1024], &mut |number, place| {
            all.push((number, place));
            true
        })
        .unwrap();
        for items in all.windows(3) {
            let [(_, ListPlace([offset, _])), (given, _), (expected, _)] = items else { continue };
            let mut next = None;
            let place = ListPlace([*offset, given.cast_signed()]);
            each(&open(path), b"memory", place, &mut [0; 1024], &mut |number, _| {
                next = Some(number);
                false
            })
            .unwrap();
            assert_eq!(next, Some(*expected));
        }
    }

    #[test]
    fn sysfs_gives_each_number_once() {
        for (path, word) in [("/sys/devices/system/cpu", &b"cpu"[..]), ("/sys/devices/system/memory", b"memory")] {
            let Ok(entries) = std::fs::read_dir(path) else { continue };
            let expected: BTreeSet<u64> = entries
                .filter_map(|entry| {
                    entry.unwrap().file_name().to_str()?.strip_prefix(str::from_utf8(word).unwrap())?.parse().ok()
                })
                .collect();
            for piece in [1, 3, 1000] {
                let found = numbers(path, word, piece);
                assert_eq!(found.len(), expected.len());
                assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
            }
        }
    }
}
