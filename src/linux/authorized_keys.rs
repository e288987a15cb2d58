//! The SSH keys of users, in .ssh/authorized_keys of their directories.
//!
//! The agent is root, and the user can change all of the directory meanwhile. So nothing is done by a path: the directory is
//! reached by `home`, and what is in it is opened from there, never through a symbolic link, and looked at once it is open. It
//! has to belong to the user or to root, and a file of root's must have no other name: else the user could link it here, to get
//! a copy of it.

use core::ffi::CStr;

use super::accounts::{self, Account};
use super::lines::Lines;
use super::new_file::{self, New, Output};
use super::{Linux, home};
use crate::errno::Errno;
use crate::guest::{AuthorizedKeys, KeyChange, KeyEdit, KeysError, KeysReason, ListPlace};
use crate::limits::KEY_BYTES;
use crate::limits::linux::SCRATCH_BYTES;
use crate::sys::fd::{Fd, OpenFlags};
use crate::sys::replace;

const DIRECTORY: &CStr = c".ssh";
const FILE: &CStr = c"authorized_keys";
const NEW_FILE: &CStr = c"authorized_keys+";
/// Both below the user's directory, for people.
const DIRECTORY_PATH: &str = "/.ssh";
const FILE_PATH: &str = "/.ssh/authorized_keys";

/// Room for a line of /etc/passwd, and for reading it.
const ACCOUNT_BYTES: usize = 6 * 1024;
/// Room for a line of keys with its line feed.
const LINE_BYTES: usize = KEY_BYTES + 1;
// What is left is for a path and its links, and for gathering what is written.
const _: () = assert!(ACCOUNT_BYTES + LINE_BYTES <= SCRATCH_BYTES / 4 * 3);

/// The place behind all keys.
const COMPLETE: i64 = -1;

impl AuthorizedKeys for Linux {
    fn next_key<'b>(
        &mut self,
        user: &[u8],
        place: &mut ListPlace,
        buffer: &'b mut [u8],
    ) -> Result<Option<&'b [u8]>, KeysError<'b>> {
        next_key(&etc().map_err(KeysError::Lookup)?, user, place, buffer)
    }

    fn change_keys<'b>(
        &mut self,
        user: &[u8],
        change: KeyChange,
        edit: &mut dyn KeyEdit,
        buffer: &'b mut [u8],
    ) -> Result<(), KeysError<'b>> {
        change_keys(&etc().map_err(KeysError::Lookup)?, user, change, edit, buffer)
    }
}

fn etc() -> Result<Fd, Errno> {
    Fd::open(c"/etc", OpenFlags::READ.with(OpenFlags::DIRECTORY))
}

/// A user, room for a line, and the rest of the room.
type Found<'b> = (Account<'b>, &'b mut [u8], &'b mut [u8]);

/// Never inlined: it is smaller once, apart from what is done with the user.
#[inline(never)] // smaller so
fn find<'b>(etc: &Fd, user: &[u8], buffer: &'b mut [u8]) -> Result<Found<'b>, Errno> {
    let (account, buffer) = buffer.split_at_mut_checked(ACCOUNT_BYTES).unwrap_or_default();
    let (line, rest) = buffer.split_at_mut_checked(LINE_BYTES).unwrap_or_default();
    let account = accounts::find(etc, user, account)?;
    Ok((account.ok_or(Errno::ENOENT)?, line, rest))
}

/// Why something that is not there can not be used.
const MISSING: KeysReason = KeysReason::System(Errno::ENOENT);

impl From<Errno> for KeysReason {
    fn from(errno: Errno) -> Self {
        KeysReason::System(errno)
    }
}

/// The directory of the keys.
fn open_directory(home: &Fd, account: &Account<'_>) -> Result<Fd, KeysReason> {
    let flags = OpenFlags::READ.with(OpenFlags::DIRECTORY).with(OpenFlags::NO_FOLLOW);
    let directory = home.open_at(DIRECTORY, flags)?;
    let owner = replace::status(&directory)?.owner;
    if owner == account.user || owner == 0 { Ok(directory) } else { Err(KeysReason::NotTheUsers) }
}

/// The file of the keys.
fn open_file(directory: &Fd, account: &Account<'_>) -> Result<Fd, KeysReason> {
    let flags = OpenFlags::READ.with(OpenFlags::NO_FOLLOW).with(OpenFlags::NON_BLOCKING);
    let file = directory.open_at(FILE, flags)?;
    let status = replace::status(&file)?;
    if !status.is_plain {
        return Err(KeysReason::System(Errno::EINVAL));
    }
    let is_the_users = status.owner == account.user || (status.owner == 0 && !status.has_other_names);
    if is_the_users { Ok(file) } else { Err(KeysReason::NotTheUsers) }
}

/// Gives each line to `visit`, until that answers false.
fn each_line(file: &Fd, line: &mut [u8], visit: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), KeysReason> {
    match Lines::strict().each(file, line, visit) {
        Ok(_) => Ok(()),
        Err(Errno::ENAMETOOLONG) => Err(KeysReason::LongLine),
        Err(errno) => Err(errno.into()),
    }
}

/// The place is how much of the file is still to be gone through, plus one, and the file's number.
fn next_key<'b>(
    etc: &Fd,
    user: &[u8],
    place: &mut ListPlace,
    buffer: &'b mut [u8],
) -> Result<Option<&'b [u8]>, KeysError<'b>> {
    let (account, line, rest) = find(etc, user, buffer).map_err(KeysError::Lookup)?;
    match find_key(&account, place, line, rest) {
        Ok(Some((from, to))) => Ok(line.get(from..to)),
        Ok(None) | Err(MISSING) => Ok(None),
        Err(reason) => Err(Attempt::ReadFile.failed(&account, reason)),
    }
}

/// Where in `line` the next key is.
fn find_key(
    account: &Account<'_>,
    ListPlace([left, inode]): &mut ListPlace,
    line: &mut [u8],
    rest: &mut [u8],
) -> Result<Option<(usize, usize)>, KeysReason> {
    if *left == COMPLETE {
        return Ok(None);
    }
    let directory = open_directory(&home::open(account.home, rest)?, account)?;
    let file = open_file(&directory, account)?;
    let status = replace::status(&file)?;
    let number = status.inode.cast_signed();
    if *left == 0 {
        // What is wrong further on can not be told any more once the reply is begun.
        each_line(&file, line, &mut |_| true)?;
        *left = status.length.saturating_add(1);
        *inode = number;
    } else if *inode != number {
        return Err(Errno::EIO.into());
    }
    previous_key(&file, left, line)
}

/// Goes back from where `left` is, a block at a time, until there is a key. Bounded by the length of the file.
fn previous_key(file: &Fd, left: &mut i64, block: &mut [u8]) -> Result<Option<(usize, usize)>, KeysReason> {
    while *left != COMPLETE {
        let end = u64::try_from(left.wrapping_sub(1)).unwrap_or(0);
        let start = end.saturating_sub(u64::try_from(block.len()).unwrap_or(0));
        let length = usize::try_from(end.wrapping_sub(start)).unwrap_or(0);
        read_exactly(file, start, block.get_mut(..length).unwrap_or_default())?;
        let mut stop = length;
        loop {
            let before = block.get(..stop).unwrap_or_default();
            let from = match before.iter().rposition(|&byte| byte == b'\n') {
                Some(line_feed) => line_feed.wrapping_add(1),
                None if start == 0 => 0,
                // The line begins before the block.
                None if stop < length => break,
                None => return Err(KeysReason::LongLine),
            };
            let text = before.get(from..).unwrap_or_default();
            let blanks = text.len().wrapping_sub(text.trim_ascii_start().len());
            let key = text.trim_ascii();
            let end_of_rest = from.checked_sub(1).and_then(|stop| i64::try_from(stop).ok());
            let first = i64::try_from(start).unwrap_or(i64::MAX).wrapping_add(1);
            *left = end_of_rest.map_or(COMPLETE, |stop| first.wrapping_add(stop));
            if !key.is_empty() && key.first() != Some(&b'#') {
                let from = from.wrapping_add(blanks);
                return Ok(Some((from, from.wrapping_add(key.len()))));
            }
            match from.checked_sub(1) {
                Some(line_feed) => stop = line_feed,
                None => return Ok(None),
            }
        }
    }
    Ok(None)
}

fn read_exactly(file: &Fd, start: u64, block: &mut [u8]) -> Result<(), Errno> {
    let mut done = 0_usize;
    while let Some(room) = block.get_mut(done..).filter(|room| !room.is_empty()) {
        let offset = start.wrapping_add(u64::try_from(done).unwrap_or(0));
        match file.read_at(room, offset) {
            // It has become shorter.
            Ok(0) => return Err(Errno::EIO),
            Ok(count) => done = done.wrapping_add(count),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

fn change_keys<'b>(
    etc: &Fd,
    user: &[u8],
    change: KeyChange,
    edit: &mut dyn KeyEdit,
    buffer: &'b mut [u8],
) -> Result<(), KeysError<'b>> {
    let mut found = find(etc, user, buffer);
    let (account, line, rest) = match &mut found {
        Ok((account, line, rest)) => (&*account, line, rest),
        Err(errno) => return Err(KeysError::Lookup(*errno)),
    };
    let mut attempt = Attempt::ReadDirectory;
    match rewrite(account, change, edit, line, rest, &mut attempt) {
        Err(MISSING)
            if change == KeyChange::Remove && matches!(attempt, Attempt::ReadDirectory | Attempt::ReadFile) =>
        {
            Ok(())
        }
        result => result.map_err(|reason| attempt.failed(account, reason)),
    }
}

/// What is tried. It is noted before each step, so that one that fails has nothing to tell but why.
#[derive(Clone, Copy)]
enum Attempt {
    ReadDirectory,
    CreateDirectory,
    OwnDirectory,
    PermitDirectory,
    ReadFile,
    WriteFile,
    LabelFile,
    PermitFile,
    OwnFile,
}

impl Attempt {
    /// That it failed.
    fn failed<'b>(self, account: &Account<'b>, reason: KeysReason) -> KeysError<'b> {
        let (action, path) = match self {
            Attempt::ReadDirectory => ("failed to read", DIRECTORY_PATH),
            Attempt::CreateDirectory => ("failed to create directory", DIRECTORY_PATH),
            Attempt::OwnDirectory => ("failed to set ownership of directory", DIRECTORY_PATH),
            Attempt::PermitDirectory => ("failed to set permissions of directory", DIRECTORY_PATH),
            Attempt::ReadFile => ("failed to read", FILE_PATH),
            Attempt::WriteFile => ("failed to write to", FILE_PATH),
            Attempt::LabelFile => ("failed to keep the labels of", FILE_PATH),
            Attempt::PermitFile => ("failed to set permissions of", FILE_PATH),
            Attempt::OwnFile => ("failed to set ownership of", FILE_PATH),
        };
        KeysError::File(action, account.home, path, reason)
    }
}

/// Never inlined: it is smaller in a frame of its own.
#[inline(never)] // smaller so
fn rewrite(
    account: &Account<'_>,
    change: KeyChange,
    edit: &mut dyn KeyEdit,
    line: &mut [u8],
    rest: &mut [u8],
    attempt: &mut Attempt,
) -> Result<(), KeysReason> {
    let is_removal = change == KeyChange::Remove;
    *attempt = if is_removal { Attempt::ReadDirectory } else { Attempt::CreateDirectory };
    let home = home::open(account.home, rest)?;
    *attempt = Attempt::ReadDirectory;
    let directory = match open_directory(&home, account) {
        Err(MISSING) if !is_removal => make_directory(&home, account, attempt)?,
        opened => opened?,
    };
    *attempt = Attempt::ReadFile;
    let old = match open_file(&directory, account) {
        Err(MISSING) if !is_removal => None,
        opened => Some(opened?),
    };
    *attempt = Attempt::WriteFile;
    // One that is there was left behind, or is the user's affair.
    let _: Result<(), Errno> = replace::unlink_at(&directory, NEW_FILE);
    let new = New::of(&directory, NEW_FILE, new_file::create(&directory, NEW_FILE)?);
    let mut output = Output::new(&new.file, rest);
    if let Some(old) = old.as_ref().filter(|_| change != KeyChange::Reset) {
        *attempt = Attempt::ReadFile;
        let visit = &mut |line: &[u8]| {
            if edit.keeps(line) {
                output.put(line);
                output.put(b"\n");
            }
            output.failure.is_none()
        };
        each_line(old, line, visit)?;
        *attempt = Attempt::WriteFile;
    }
    edit.add(&mut |bytes| output.put(bytes));
    output.finish()?;
    if let Some(old) = &old {
        *attempt = Attempt::LabelFile;
        new.keep_labels(old, line)?;
    }
    *attempt = Attempt::PermitFile;
    new.file.set_permissions(0o600)?;
    *attempt = Attempt::OwnFile;
    replace::set_owner(&new.file, account.user, account.group)?;
    *attempt = Attempt::WriteFile;
    replace::sync(&new.file)?;
    new.rename(FILE)?;
    new_file::sync_directory(&directory)?;
    Ok(())
}

/// Makes the directory of the keys.
fn make_directory(home: &Fd, account: &Account<'_>, attempt: &mut Attempt) -> Result<Fd, KeysReason> {
    *attempt = Attempt::CreateDirectory;
    replace::make_directory_at(home, DIRECTORY, 0o700)?;
    let directory = open_directory(home, account)?;
    *attempt = Attempt::OwnDirectory;
    replace::set_owner(&directory, account.user, account.group)?;
    *attempt = Attempt::PermitDirectory;
    directory.set_permissions(0o700)?;
    Ok(directory)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::arithmetic_side_effects)] // of a test
mod tests;
