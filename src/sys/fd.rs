//! File descriptors: owned, closed when dropped.

use core::ffi::{CStr, c_int, c_uint};

use super::{check, check_length, kernel};
use crate::errno::Errno;

/// An open file descriptor.
#[derive(Debug, PartialEq, Eq)]
pub struct Fd(c_int);

impl Drop for Fd {
    fn drop(&mut self) {
        // SAFETY: the descriptor is open and this is its only owner. An error leaves nothing to do.
        unsafe { libc::close(self.0) };
    }
}

/// How a file is opened; the flags of open(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenFlags(pub c_int);

impl OpenFlags {
    /// To read only.
    pub const READ: OpenFlags = OpenFlags(libc::O_RDONLY);
    /// To write only.
    pub const WRITE: OpenFlags = OpenFlags(libc::O_WRONLY);
    /// To read and write.
    pub const READ_WRITE: OpenFlags = OpenFlags(libc::O_RDWR);
    /// Nothing blocks.
    pub const NON_BLOCKING: OpenFlags = OpenFlags(libc::O_NONBLOCK);
    /// A terminal does not become the controlling one.
    pub const NO_TERMINAL: OpenFlags = OpenFlags(libc::O_NOCTTY);
    /// It must not exist; goes with `CREATE`.
    pub const EXCLUSIVE: OpenFlags = OpenFlags(libc::O_EXCL);
    /// It is made if it is missing.
    pub const CREATE: OpenFlags = OpenFlags(libc::O_CREAT);
    /// Its contents are dropped.
    pub const TRUNCATE: OpenFlags = OpenFlags(libc::O_TRUNC);
    /// Writes go to its end.
    pub const APPEND: OpenFlags = OpenFlags(libc::O_APPEND);
    /// It must be no symbolic link.
    pub const NO_FOLLOW: OpenFlags = OpenFlags(libc::O_NOFOLLOW);
    /// It must be a directory.
    pub const DIRECTORY: OpenFlags = OpenFlags(libc::O_DIRECTORY);
    /// Only its place: nothing can be read or written, and no device notices.
    pub const PLACE: OpenFlags = OpenFlags(libc::O_PATH);

    /// Both.
    #[must_use]
    pub const fn with(self, other: OpenFlags) -> OpenFlags {
        OpenFlags(self.0 | other.0)
    }
}

/// From where an offset counts, as lseek(2) numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeekFrom {
    /// The start.
    Start,
    /// The position.
    Current,
    /// The end.
    End,
}

/// The permissions of a file that is made, before the umask.
const PERMISSIONS: c_uint = 0o666;

impl Fd {
    /// Opens `path`; the descriptor is not handed to children. A file that is made has the permissions 0666 less the
    /// umask.
    ///
    /// # Errors
    /// Those of open(2).
    pub fn open(path: &CStr, flags: OpenFlags) -> Result<Fd, Errno> {
        // SAFETY: `path` ends with a NUL, and the call keeps no pointer. On success the descriptor is new and not owned
        // by anyone else.
        check(unsafe { kernel::openat(libc::AT_FDCWD, path.as_ptr(), flags.0 | libc::O_CLOEXEC, PERMISSIONS) }).map(Fd)
    }

    /// Opens `path` to write, and makes it with the permissions 0600 if it is missing.
    ///
    /// # Errors
    /// Those of open(2).
    pub fn create_private(path: &CStr) -> Result<Fd, Errno> {
        const PERMISSIONS: c_uint = 0o600;
        let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_CLOEXEC;
        // SAFETY: as for `open`.
        check(unsafe { kernel::openat(libc::AT_FDCWD, path.as_ptr(), flags, PERMISSIONS) }).map(Fd)
    }

    /// Opens `path` as seen from this directory.
    ///
    /// # Errors
    /// Those of openat(2).
    pub fn open_at(&self, path: &CStr, flags: OpenFlags) -> Result<Fd, Errno> {
        // SAFETY: as for `open`; the directory is open.
        check(unsafe { kernel::openat(self.0, path.as_ptr(), flags.0 | libc::O_CLOEXEC, PERMISSIONS) }).map(Fd)
    }

    /// Whether there is something at `path`, as seen from this directory.
    #[cfg(any(feature = "freeze", feature = "inventory"))]
    pub fn has(&self, path: &CStr) -> bool {
        self.open_at(path, OpenFlags::PLACE).is_ok()
    }

    /// Opens `path`, as seen from this directory, to write; it is made, with the permissions 0600, if it is missing.
    ///
    /// # Errors
    /// Those of openat(2).
    pub fn create_at(&self, path: &CStr, flags: OpenFlags) -> Result<Fd, Errno> {
        const PERMISSIONS: c_uint = 0o600;
        let flags = OpenFlags::WRITE.with(OpenFlags::CREATE).with(flags);
        // SAFETY: as for `open`; the directory is open.
        check(unsafe { kernel::openat(self.0, path.as_ptr(), flags.0 | libc::O_CLOEXEC, PERMISSIONS) }).map(Fd)
    }

    /// Takes over a descriptor that a system call just made.
    pub(super) fn from_raw(raw: c_int) -> Fd {
        Fd(raw)
    }

    /// The number of the descriptor.
    pub fn raw(&self) -> c_int {
        self.0
    }

    /// Reads; 0 bytes at the end.
    ///
    /// # Errors
    /// Those of read(2).
    pub fn read(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        // SAFETY: the buffer is writable for its length, and the call keeps no pointer.
        check_length(unsafe { libc::read(self.0, buffer.as_mut_ptr().cast(), buffer.len()) })
    }

    /// Reads from an offset, without moving the position.
    ///
    /// # Errors
    /// Those of pread(2).
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, Errno> {
        let offset = i64::try_from(offset).map_err(|_| Errno::EINVAL)?;
        // SAFETY: the buffer is writable for its length, and the call keeps no pointer.
        check_length(unsafe { libc::pread(self.0, buffer.as_mut_ptr().cast(), buffer.len(), offset) })
    }

    /// Writes some of `bytes`.
    ///
    /// # Errors
    /// Those of write(2).
    pub fn write(&self, bytes: &[u8]) -> Result<usize, Errno> {
        // SAFETY: the bytes are readable for their length, and the call keeps no pointer.
        check_length(unsafe { libc::write(self.0, bytes.as_ptr().cast(), bytes.len()) })
    }

    /// Moves the position.
    ///
    /// # Errors
    /// Those of lseek(2).
    pub fn seek(&self, offset: i64, from: SeekFrom) -> Result<i64, Errno> {
        let whence = match from {
            SeekFrom::Start => libc::SEEK_SET,
            SeekFrom::Current => libc::SEEK_CUR,
            SeekFrom::End => libc::SEEK_END,
        };
        // SAFETY: the call touches no memory.
        check(unsafe { libc::lseek(self.0, offset, whence) })
    }

    /// From now on nothing blocks, whoever else has the same file open.
    ///
    /// # Errors
    /// Those of fcntl(2).
    pub fn set_non_blocking(&self) -> Result<(), Errno> {
        // SAFETY: the call touches no memory. There are no other flags to keep: this is for pipes and sockets of our own.
        check(unsafe { kernel::fcntl(self.0, libc::F_SETFL, libc::O_NONBLOCK) }).map(drop)
    }

    /// Cuts or extends the file.
    ///
    /// # Errors
    /// Those of ftruncate(2).
    pub fn truncate(&self, length: i64) -> Result<(), Errno> {
        // SAFETY: the call touches no memory.
        check(unsafe { libc::ftruncate(self.0, length) }).map(drop)
    }

    /// Closes the file and tells how that went; it is closed in any case.
    ///
    /// # Errors
    /// Those of close(2).
    pub fn close(self) -> Result<(), Errno> {
        let raw = self.0;
        core::mem::forget(self);
        // SAFETY: the descriptor is open, this was its only owner, and it is forgotten.
        check(unsafe { libc::close(raw) }).map(drop)
    }

    /// Whether it is a character device.
    pub fn is_character_device(&self) -> bool {
        self.is_of_type(libc::S_IFCHR)
    }

    /// Whether it is a regular file.
    pub fn is_regular(&self) -> bool {
        self.is_of_type(libc::S_IFREG)
    }

    pub(super) fn is_of_type(&self, kind: libc::mode_t) -> bool {
        // SAFETY: all-zero is a valid value of this plain structure.
        let mut status: libc::stat = unsafe { core::mem::zeroed() };
        // SAFETY: the structure is writable, and the call keeps no pointer.
        let result = unsafe { kernel::fstat(self.0, &raw mut status) };
        result == 0 && status.st_mode & libc::S_IFMT == kind
    }

    /// Sets the permissions.
    ///
    /// # Errors
    /// Those of fchmod(2).
    pub fn set_permissions(&self, permissions: u32) -> Result<(), Errno> {
        // SAFETY: the call touches no memory.
        check(unsafe { kernel::fchmod(self.0, permissions) }).map(drop)
    }

    /// Takes the lock of a whole file for writing, as long as this process lives.
    ///
    /// # Errors
    /// Those of fcntl(2): `EAGAIN` or `EACCES` if another process has it.
    pub fn lock(&self) -> Result<(), Errno> {
        // SAFETY: all-zero is a valid value of this plain structure: the whole file, from its start.
        let mut lock: libc::flock = unsafe { core::mem::zeroed() };
        lock.l_type = i16::try_from(libc::F_WRLCK).map_err(|_| Errno::EINVAL)?;
        // SAFETY: the structure is valid, and the call keeps no pointer.
        check(unsafe { libc::syscall(libc::SYS_fcntl, self.0, libc::F_SETLK, &raw const lock) }).map(drop)
    }
}

/// Whether `path` is a socket; symbolic links are not followed.
pub fn is_socket(path: &CStr) -> bool {
    // SAFETY: all-zero is a valid value of this plain structure.
    let mut status: libc::stat = unsafe { core::mem::zeroed() };
    // SAFETY: `path` ends with a NUL, the structure is writable, and the call keeps no pointer.
    let result = unsafe { kernel::fstatat(libc::AT_FDCWD, path, &raw mut status, libc::AT_SYMLINK_NOFOLLOW) };
    result == 0 && status.st_mode & libc::S_IFMT == libc::S_IFSOCK
}

/// Major and minor number of the block device at `path`; `None` if it is none.
pub fn block_device_number(path: &CStr) -> Option<(u32, u32)> {
    // SAFETY: all-zero is a valid value of this plain structure.
    let mut status: libc::stat = unsafe { core::mem::zeroed() };
    // SAFETY: `path` ends with a NUL, the structure is writable, and the call keeps no pointer.
    let result = unsafe { kernel::fstatat(libc::AT_FDCWD, path, &raw mut status, 0) };
    let is_block_device = result == 0 && status.st_mode & libc::S_IFMT == libc::S_IFBLK;
    is_block_device.then(|| device_number(status.st_rdev))
}

/// Major and minor number of a device.
#[inline(never)] // smaller so
pub(super) fn device_number(device: u64) -> (u32, u32) {
    (libc::major(device), libc::minor(device))
}

/// What is to be done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access(c_int);

#[allow(missing_docs)] // as they say
impl Access {
    pub const EXIST: Access = Access(libc::F_OK);
    pub const READ: Access = Access(libc::R_OK);
    pub const WRITE: Access = Access(libc::W_OK);
    pub const READ_WRITE: Access = Access(libc::R_OK | libc::W_OK);
    pub const EXECUTE: Access = Access(libc::X_OK);
}

/// Asks whether that could be done with the file at a path, in a directory if it is relative and one is given.
///
/// # Errors
/// Those of faccessat(2): why it could not be done.
pub fn access(directory: Option<&Fd>, path: &CStr, access: Access) -> Result<(), Errno> {
    let Access(mode) = access;
    let place = directory.map_or(libc::AT_FDCWD, Fd::raw);
    // The C library's own makes a process, for a flag that is not asked for.
    // SAFETY: `path` ends with a NUL, the directory is open, and the call keeps no pointer.
    check(unsafe { libc::syscall(libc::SYS_faccessat, place, path.as_ptr(), mode) }).map(drop)
}

/// Removes a name from its directory.
///
/// # Errors
/// Those of unlink(2).
pub fn unlink(path: &CStr) -> Result<(), Errno> {
    // SAFETY: `path` ends with a NUL, and the call keeps no pointer.
    check(unsafe { libc::unlinkat(libc::AT_FDCWD, path.as_ptr(), 0) }).map(drop)
}

/// Removes a name from a directory.
///
/// # Errors
/// Those of unlinkat(2).
pub fn unlink_at(directory: &Fd, name: &CStr) -> Result<(), Errno> {
    // SAFETY: `name` ends with a NUL, the directory is open, and the call keeps no pointer.
    check(unsafe { libc::unlinkat(directory.raw(), name.as_ptr(), 0) }).map(drop)
}

/// A pipe: what is written to the second end is read from the first.
///
/// # Errors
/// Those of pipe2(2).
pub fn pipe() -> Result<(Fd, Fd), Errno> {
    let mut ends = [-1; 2];
    // SAFETY: there is room for two numbers, and the call keeps no pointer. On success the descriptors are new.
    check(unsafe { kernel::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) })?;
    Ok((Fd(ends[0]), Fd(ends[1])))
}

/// Reads where a symbolic link in a directory points to. The length may be that of the buffer: the text may then be cut.
///
/// # Errors
/// Those of readlinkat(2).
pub fn read_link_at(directory: &Fd, path: &CStr, buffer: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: `path` ends with a NUL, the buffer is writable for its length, the directory is open, and the call keeps no
    // pointer.
    check_length(unsafe { kernel::readlinkat(directory.raw(), path, buffer.as_mut_ptr(), buffer.len()) })
}

/// Makes a character device with the permissions 0600.
///
/// # Errors
/// Those of mknod(2).
pub fn make_character_device(path: &CStr, major: u32, minor: u32) -> Result<(), Errno> {
    // SAFETY: `path` ends with a NUL, and the call keeps no pointer.
    check(unsafe { libc::mknod(path.as_ptr(), libc::S_IFCHR | 0o600, libc::makedev(major, minor)) }).map(drop)
}

/// The permissions that new files do not get: sets them and answers the ones before.
pub fn set_umask(mask: u32) -> u32 {
    // SAFETY: the call touches no memory and can not fail.
    unsafe { libc::umask(mask) }
}
