//! A directory with files of accounts, for tests.
#![allow(clippy::unwrap_used)] // of a test

use std::ffi::CString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::sys::fd::{Fd, OpenFlags};

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A stand-in for /etc, removed when it is dropped.
#[derive(Debug)]
pub struct Etc {
    /// Where it is.
    pub path: PathBuf,
    /// It, opened.
    pub directory: Fd,
}

impl Etc {
    /// A directory with these files.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("picoqga-etc-{}-{number}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        let name = CString::new(path.as_os_str().as_encoded_bytes()).unwrap();
        let directory = Fd::open(&name, OpenFlags::READ.with(OpenFlags::DIRECTORY)).unwrap();
        let etc = Etc { path, directory };
        for (name, text) in files {
            etc.write(name, text);
        }
        etc
    }

    /// Writes a file.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path.join(name), text).unwrap();
    }

    /// What a file holds.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path.join(name)).unwrap()
    }

    /// The names of its files, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.path).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Etc {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.path).unwrap();
    }
}
