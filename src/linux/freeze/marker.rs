//! The file that tells a restarted agent that file systems are frozen: qemu-ga's, in the directory for its state.

use core::ffi::CStr;

use crate::errno::Errno;
use crate::sys::fd::{self, Fd, OpenFlags};
use crate::sys::mount;

const NAME: &CStr = c"qga.state.isfrozen";

/// Where it is, unless another directory is given.
const DIRECTORIES: [&CStr; 2] = [c"/run", c"/var/run"];

/// The marker.
#[derive(Clone, Copy, Debug)]
pub struct Marker {
    /// The directory that was given.
    pub directory: Option<&'static CStr>,
}

impl Marker {
    /// The directory, if it is in memory: to write to another one would wait for the thaw.
    fn open_directory(self) -> Option<Fd> {
        let given = self.directory.as_slice();
        let directories = if given.is_empty() { DIRECTORIES.as_slice() } else { given };
        directories.iter().find_map(|path| {
            let directory = Fd::open(path, OpenFlags::READ.with(OpenFlags::DIRECTORY)).ok()?;
            mount::is_in_memory(&directory).then_some(directory)
        })
    }

    /// Whether it is there.
    pub fn exists(self) -> bool {
        self.open_directory().is_some_and(|directory| directory.has(NAME))
    }

    /// Makes it. Where it cannot be made, a restarted agent still thaws, but does not know that it has to.
    pub fn create(self) {
        if let Some(directory) = self.open_directory() {
            let _: Result<Fd, Errno> = directory.open_at(NAME, OpenFlags::WRITE.with(OpenFlags::CREATE));
        }
    }

    /// Removes it, if it is there.
    pub fn remove(self) {
        if let Some(directory) = self.open_directory() {
            let _: Result<(), Errno> = fd::unlink_at(&directory, NAME);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;

    use super::*;

    #[test]
    fn a_marker_is_made_only_in_memory() {
        let name = format!("picoqga-{}-state", std::process::id());
        for (parent, is_in_memory) in [("/dev/shm", true), ("/proc", false)] {
            let directory = std::path::Path::new(parent).join(&name);
            if is_in_memory && std::fs::create_dir(&directory).is_err() {
                continue;
            }
            let path = if is_in_memory { directory.to_str().unwrap() } else { parent };
            let path: &'static CStr = Box::leak(CString::new(path).unwrap().into_boxed_c_str());
            let marker = Marker { directory: Some(path) };
            assert!(!marker.exists());
            marker.remove();
            marker.create();
            marker.create();
            assert_eq!(marker.exists(), is_in_memory);
            marker.remove();
            assert!(!marker.exists());
            // Fails if anything is left in it.
            assert!(!is_in_memory || std::fs::remove_dir(&directory).is_ok());
        }
    }
}
