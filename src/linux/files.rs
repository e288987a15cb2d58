//! Open files by handle.
//!
//! The first handle is 1000 plus the microseconds since boot at the start of the agent, and each further one is the next
//! number: a handle from before a restart is never one of the new ones, and no file has to remember how far the numbers
//! went.

use core::ffi::CStr;

use heapless::Vec;

use super::Linux;
use crate::errno::Errno;
use crate::guest::{FileError, Files, OpenMode, Whence};
use crate::limits::linux::FILES;
use crate::sys::fd::{Fd, OpenFlags, SeekFrom};

/// The first handle of an agent that starts with its machine.
const FIRST_HANDLE: i64 = 1000;

/// An open file.
#[derive(Debug)]
pub struct OpenFile {
    handle: i64,
    fd: Fd,
    /// An error that came when it could no longer be told.
    deferred: Option<Errno>,
}

/// Room for the open files.
pub type Room = Vec<OpenFile, FILES>;

/// The open files.
#[derive(Debug)]
pub struct FileTable {
    files: &'static mut Room,
    next: i64,
}

impl FileTable {
    /// A table without files, for an agent that starts `boot_time_ns` after the machine.
    pub fn new(boot_time_ns: i64, room: &'static mut Room) -> Self {
        FileTable { files: room, next: FIRST_HANDLE.saturating_add(boot_time_ns / 1000) }
    }

    fn find(&mut self, handle: i64) -> Result<&mut OpenFile, FileError> {
        self.files.iter_mut().find(|file| file.handle == handle).ok_or(FileError::UnknownHandle)
    }
}

fn open(path: &CStr, mode: OpenMode) -> Result<Fd, Errno> {
    let mut flags = match (mode.read, mode.write) {
        (true, true) => OpenFlags::READ_WRITE,
        (false, true) => OpenFlags::WRITE,
        _ => OpenFlags::READ,
    };
    flags = flags.with(OpenFlags::NO_TERMINAL).with(OpenFlags::NON_BLOCKING);
    if mode.truncate {
        flags = flags.with(OpenFlags::TRUNCATE);
    }
    if mode.append {
        flags = flags.with(OpenFlags::APPEND);
    }
    if !mode.create {
        return Fd::open(path, flags);
    }
    // A file that exists is opened, one that does not is made; a symbolic link to nowhere is neither, so that nobody can
    // have the agent make a file in a place of his choice.
    match Fd::open(path, flags.with(OpenFlags::CREATE).with(OpenFlags::EXCLUSIVE)) {
        Err(Errno::EEXIST) => Fd::open(path, flags),
        opened => opened,
    }
}

impl Files for Linux {
    fn open(&mut self, path: &CStr, mode: OpenMode) -> Result<i64, FileError> {
        let table = &mut self.files;
        // Before the file is made, so that a refusal changes nothing.
        if table.files.is_full() {
            return Err(FileError::TooManyFiles(u64::try_from(FILES).unwrap_or(u64::MAX)));
        }
        let fd = open(path, mode).map_err(FileError::System)?;
        let handle = table.next;
        if table.files.push(OpenFile { handle, fd, deferred: None }).is_err() {
            return Err(FileError::TooManyFiles(u64::try_from(FILES).unwrap_or(u64::MAX)));
        }
        table.next = handle.wrapping_add(1);
        Ok(handle)
    }

    fn is_open(&self, handle: i64) -> bool {
        self.files.files.iter().any(|file| file.handle == handle)
    }

    fn read(&mut self, handle: i64, buffer: &mut [u8]) -> Result<usize, FileError> {
        let file = self.files.find(handle)?;
        match file.deferred.take() {
            None => file.fd.read(buffer).map_err(FileError::System),
            Some(errno) => Err(FileError::System(errno)),
        }
    }

    fn defer_error(&mut self, handle: i64, errno: Errno) {
        if let Ok(file) = self.files.find(handle) {
            file.deferred = Some(errno);
        }
    }

    fn write(&mut self, handle: i64, bytes: &[u8]) -> Result<usize, FileError> {
        self.files.find(handle)?.fd.write(bytes).map_err(FileError::System)
    }

    fn seek(&mut self, handle: i64, offset: i64, whence: Whence) -> Result<i64, FileError> {
        let from = match whence {
            Whence::Start => SeekFrom::Start,
            Whence::Current => SeekFrom::Current,
            Whence::End => SeekFrom::End,
        };
        let file = self.files.find(handle)?;
        let position = file.fd.seek(offset, from).map_err(FileError::System)?;
        file.deferred = None;
        Ok(position)
    }

    fn close(&mut self, handle: i64) -> Result<(), FileError> {
        let files = &mut *self.files.files;
        // The last one takes the place of the one that goes.
        let last = files.pop().ok_or(FileError::UnknownHandle)?;
        if last.handle == handle {
            return last.fd.close().map_err(FileError::System);
        }
        match files.iter_mut().find(|file| file.handle == handle) {
            Some(file) => core::mem::replace(file, last).fd.close().map_err(FileError::System),
            None => {
                // There is room: it was just made.
                let _: Result<(), OpenFile> = files.push(last);
                Err(FileError::UnknownHandle)
            }
        }
    }
}
