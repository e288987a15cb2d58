//! `/proc` and `/sys`, where they are mounted and where they are not: a guest that has not mounted them gets a private
//! instance, seen by nobody else.

use core::ffi::CStr;

use crate::errno::Errno;
use crate::sys::fd::{self, Access, Fd, OpenFlags};
use crate::sys::mount;

/// One of the kernel's own file systems.
#[derive(Debug)]
pub struct Pseudo {
    kind: &'static CStr,
    path: &'static CStr,
    /// The number statfs(2) knows it by.
    number: u64,
    private: Option<Fd>,
}

/// Where an old kernel lets a private instance be mounted for a moment: directories that nearly every guest has.
const PLACES: [&CStr; 4] = [c"/proc", c"/sys", c"/tmp", c"/dev"];

impl Pseudo {
    /// `/proc`.
    pub const fn proc() -> Self {
        Pseudo { kind: c"proc", path: c"/proc", number: 0x9FA0, private: None }
    }

    /// `/sys`.
    pub const fn sys() -> Self {
        Pseudo { kind: c"sysfs", path: c"/sys", number: 0x6265_6572, private: None }
    }

    /// Opens a file or directory in it, to read. `path` is relative.
    ///
    /// # Errors
    /// Those of open(2); if it is not mounted, those of a private mount.
    pub fn open(&mut self, path: &CStr) -> Result<Fd, Errno> {
        self.open_as(path, OpenFlags::READ)
    }

    /// As [`Pseudo::open`], in another way than to read.
    ///
    /// # Errors
    /// As above.
    pub fn open_as(&mut self, path: &CStr, flags: OpenFlags) -> Result<Fd, Errno> {
        let mut mounted = None;
        self.root(&mut mounted)?.open_at(path, flags)
    }

    /// Whether it surely has no such file or directory, or can itself not be had. `place` is where that is if it is mounted.
    pub fn lacks(&mut self, place: &CStr, path: &CStr) -> bool {
        // Each guest-info asks this several times. Nearly everywhere it is mounted, and this is one call instead of five.
        if fd::access(None, place, Access::EXIST).is_ok() {
            return false;
        }
        matches!(self.open(path), Err(Errno::ENOENT | Errno::ENODEV | Errno::EPERM))
    }

    /// Asks whether a file in it may be written.
    ///
    /// # Errors
    /// Those of faccessat(2); if it is not mounted, those of a private mount.
    #[inline(never)] // smaller so
    pub fn may_write(&mut self, path: &CStr) -> Result<(), Errno> {
        let mut mounted = None;
        fd::access(Some(self.root(&mut mounted)?), path, Access::WRITE)
    }

    /// Reads where a symbolic link in it points to.
    ///
    /// # Errors
    /// Those of readlink(2); if it is not mounted, those of a private mount.
    pub fn read_link(&mut self, path: &CStr, buffer: &mut [u8]) -> Result<usize, Errno> {
        let mut mounted = None;
        fd::read_link_at(self.root(&mut mounted)?, path, buffer)
    }

    /// Its root. The mounted one is opened anew for each use, into `mounted`: kept open, it could not be unmounted.
    fn root<'r>(&'r mut self, mounted: &'r mut Option<Fd>) -> Result<&'r Fd, Errno> {
        if let Ok(root) = Fd::open(self.path, OpenFlags::READ.with(OpenFlags::DIRECTORY))
            && mount::is_of_kind(&root, self.number)
        {
            return Ok(mounted.insert(root));
        }
        let root = match self.private.take() {
            Some(root) => root,
            None => self.mount()?,
        };
        Ok(self.private.insert(root))
    }

    fn mount(&self) -> Result<Fd, Errno> {
        let mut result = mount::detached(self.kind);
        // Not only by old kernels: a sandbox that does not know these calls forbids them, and not mount(2).
        for place in &PLACES {
            if result.is_ok() {
                break;
            }
            result = mount::detached_over(self.kind, place);
        }
        result
    }
}
