//! A command line and a configuration file of any bytes are read, or refused with words.
#![no_main]

use std::ffi::{CStr, CString};

use libfuzzer_sys::fuzz_target;
use picoqga::linux::options::{KEPT_BYTES, Kept, Options, read};
use picoqga_fuzz::scene::Scene;

/// Where the configuration is when nothing else is said.
const CONFIG: &str = "/etc/qemu/qemu-ga.conf";

thread_local!(static SCENE: Scene = Scene::new(&["/etc"], &[]));

fuzz_target!(|data: &[u8]| {
    // Words, each with a NUL behind it, and behind an empty one the file.
    let mut rest = data;
    let mut words: Vec<&'static CStr> = Vec::new();
    let mut given = Vec::new();
    while let Ok(word) = CStr::from_bytes_until_nul(rest) {
        rest = &rest[word.count_bytes() + 1..];
        if word.is_empty() || given.len() == 16 {
            break;
        }
        given.push(CString::from(word).into_raw());
        // SAFETY: it is given back only after the last use below.
        words.push(unsafe { CStr::from_ptr(given[given.len() - 1]) });
    }
    SCENE.with(|scene| scene.write(CONFIG, rest));

    let buffer = Box::into_raw(vec![0; KEPT_BYTES + 4096].into_boxed_slice());
    // SAFETY: as above.
    let mut kept = Kept::new(unsafe { &mut *buffer });
    let mut options = Options::DEFAULT;
    let action = read(&|index| words.get(index).copied(), &mut [0; 4096], &mut kept, &mut options);
    if let Err(refused) = action {
        let mut length = 0;
        refused.error.pieces(&mut |piece| length += piece.len());
        assert!(length > 10, "refused without words");
    }
    let _ = kept.into_free();
    // SAFETY: both were made by `into_raw`, and what refers to them is not used any more.
    unsafe {
        drop(Box::from_raw(buffer));
        given.into_iter().for_each(|word| drop(CString::from_raw(word)));
    }
});
