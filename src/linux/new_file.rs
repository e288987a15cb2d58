//! A file that is made anew beside an old one, and then takes its place.

use core::ffi::CStr;

use crate::errno::Errno;
use crate::sys::fd::{Fd, OpenFlags};
use crate::sys::replace;

/// What the security of the system knows a file by.
const LABELS: [&CStr; 2] = [c"security.selinux", c"security.SMACK64"];

/// Bytes on their way into the new file, gathered. After the first failure nothing more is written.
#[derive(Debug)]
pub struct Output<'o> {
    file: &'o Fd,
    buffer: &'o mut [u8],
    length: usize,
    /// Why not all was written.
    pub failure: Option<Errno>,
}

impl<'o> Output<'o> {
    /// A way into `file`, through a buffer.
    pub fn new(file: &'o Fd, buffer: &'o mut [u8]) -> Self {
        Output { file, buffer, length: 0, failure: None }
    }

    /// Appends.
    pub fn put(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            match self.buffer.get_mut(self.length) {
                Some(slot) => *slot = byte,
                None => self.failure = Some(Errno::ENOBUFS),
            }
            self.length = self.length.wrapping_add(1);
            if self.length >= self.buffer.len() {
                self.flush();
            }
        }
    }

    fn flush(&mut self) {
        let mut rest = self.buffer.get(..self.length).unwrap_or_default();
        while !rest.is_empty() && self.failure.is_none() {
            match self.file.write(rest) {
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(Errno::EINTR) => {}
                Err(errno) => self.failure = Some(errno),
            }
        }
        self.length = 0;
    }

    /// Writes what is gathered.
    ///
    /// # Errors
    /// Why not all was written, now or before.
    pub fn finish(&mut self) -> Result<(), Errno> {
        self.flush();
        self.failure.map_or(Ok(()), Err)
    }
}

/// The new file, removed again unless it is renamed.
#[derive(Debug)]
pub struct New<'d> {
    directory: &'d Fd,
    name: &'d CStr,
    /// It, open to be written.
    pub file: Fd,
    is_renamed: bool,
}

impl<'d> New<'d> {
    /// It, which was just made, and is open to be written.
    pub fn of(directory: &'d Fd, name: &'d CStr, file: Fd) -> Self {
        New { directory, name, file, is_renamed: false }
    }

    /// Gives it an extended attribute of the old file, if that has it. `buffer` is room for its value.
    ///
    /// # Errors
    /// It can not be read or set.
    pub fn keep(&self, old: &Fd, attribute: &CStr, buffer: &mut [u8]) -> Result<(), Errno> {
        match replace::attribute(old, attribute, buffer)? {
            Some(value) => replace::set_attribute(&self.file, attribute, value),
            None => Ok(()),
        }
    }

    /// Gives it the old file's labels.
    ///
    /// # Errors
    /// Those of `keep`.
    pub fn keep_labels(&self, old: &Fd, buffer: &mut [u8]) -> Result<(), Errno> {
        LABELS.iter().try_for_each(|label| self.keep(old, label, buffer))
    }

    /// Puts it in the place of the file of that name.
    ///
    /// # Errors
    /// Those of rename(2).
    pub fn rename(mut self, to: &CStr) -> Result<(), Errno> {
        replace::rename_at(self.directory, self.name, to)?;
        self.is_renamed = true;
        Ok(())
    }
}

impl Drop for New<'_> {
    fn drop(&mut self) {
        if !self.is_renamed {
            // What cannot be removed is taken for left over by the next one.
            let _: Result<(), Errno> = replace::unlink_at(self.directory, self.name);
        }
    }
}

/// Makes a new file, with the permissions 0600.
///
/// # Errors
/// Those of openat(2): `EEXIST` if there is something of that name.
pub fn create(directory: &Fd, name: &CStr) -> Result<Fd, Errno> {
    directory.create_at(name, OpenFlags::EXCLUSIVE.with(OpenFlags::NO_FOLLOW))
}

/// Waits until what a directory lists is on its disk.
///
/// # Errors
/// Those of fsync(2), unless the file system has nothing to write for a directory.
pub fn sync_directory(directory: &Fd) -> Result<(), Errno> {
    match replace::sync(directory) {
        Err(Errno::EINVAL) => Ok(()),
        result => result,
    }
}
