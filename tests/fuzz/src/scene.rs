//! Files of the system that a target replaces: in a namespace of mounts of its own, in memory, seen by nobody else.

use std::ffi::CString;
use std::fs;
use std::io::Error;
use std::path::Path;

/// The namespace.
pub struct Scene(());

/// Panics with the reason if a system call has failed.
fn must(what: &str, result: libc::c_int) {
    assert!(result == 0, "{what}: {} (root is needed, and a kernel with namespaces)", Error::last_os_error());
}

fn text(path: &str) -> CString {
    CString::new(path).expect("a path with a NUL")
}

fn mount(source: &str, target: &str, kind: &str, flags: libc::c_ulong) {
    let (from, to, kind) = (text(source), text(target), text(kind));
    // SAFETY: the texts end with a NUL and outlive the call, which keeps no pointer.
    let result = unsafe { libc::mount(from.as_ptr(), to.as_ptr(), kind.as_ptr(), flags, std::ptr::null()) };
    must(&format!("cannot mount at {target}"), result);
}

/// Where the files that stand for single ones are.
const FILES: &str = "/run/single";

impl Scene {
    /// Puts an empty directory in memory over each of `directories`, and over /run, and an empty file over each of `files`.
    pub fn new(directories: &[&str], files: &[&str]) -> Self {
        // SAFETY: this process has one thread yet, and nothing of it depends on what is mounted.
        must("cannot have a namespace of mounts", unsafe { libc::unshare(libc::CLONE_NEWNS) });
        mount("none", "/", "none", libc::MS_REC | libc::MS_PRIVATE);
        for directory in [&["/run"], directories].concat() {
            mount("none", directory, "tmpfs", 0);
        }
        let scene = Scene(());
        for file in files {
            scene.write(&format!("{FILES}{file}"), b"");
            mount(&format!("{FILES}{file}"), file, "none", libc::MS_BIND);
        }
        scene
    }

    /// Gives one of the single files its content.
    pub fn fill(&self, file: &str, content: &[u8]) {
        self.write(&format!("{FILES}{file}"), content);
    }

    /// Writes a file in one of the directories, and makes those that it is in.
    pub fn write(&self, path: &str, content: &[u8]) {
        let parent = Path::new(path).parent().expect("a path without a directory");
        fs::create_dir_all(parent).and_then(|()| fs::write(path, content)).expect("a file in memory");
    }

    /// Fills one of the directories, which is empty: behind the path of each file in it and a NUL stands its content, with a
    /// NUL again, in which 0xFE stands for a NUL. A path that ends with `@` is that of a symbolic link. What can not be made
    /// is left out.
    pub fn grow(&self, directory: &str, tree: &[u8]) {
        let mut parts = tree.split(|&byte| byte == 0);
        let mut links = Vec::new();
        while let (Some(path), Some(content)) = (parts.next(), parts.next()) {
            let path = String::from_utf8_lossy(path).into_owned();
            let content: Vec<u8> = content.iter().map(|&byte| if byte == 0xFE { 0 } else { byte }).collect();
            if path.split('/').any(|name| matches!(name, "" | "." | "..")) {
                continue;
            }
            let path = format!("{directory}/{path}");
            let made = fs::create_dir_all(Path::new(&path).parent().expect("a path in a directory"));
            match path.strip_suffix('@') {
                Some(link) => links.push((link.to_owned(), String::from_utf8_lossy(&content).into_owned())),
                None => drop(made.and_then(|()| fs::write(&path, content))),
            }
        }
        // Last, so that nothing is written by way of one of them: it may lead anywhere.
        for (link, target) in links {
            let _ = std::os::unix::fs::symlink(target, link);
        }
    }

    /// Removes what is in one of the directories.
    pub fn clear(&self, directory: &str) {
        for entry in fs::read_dir(directory).expect("a directory in memory").flatten() {
            let path = entry.path();
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_directory { fs::remove_dir_all(&path) } else { fs::remove_file(&path) }.expect("a file in memory");
        }
    }
}
