//! Every capacity in one place: the least that works, and what the Linux binary takes.
//!
//! Units are in the names. The relations between them are checked when the crate is compiled.

/// How much of a name or path an error message quotes, in bytes.
pub const ERROR_TEXT_BYTES: usize = 4096;

/// How much of a stray token an error message quotes, in bytes, where room is lent for it: what QEMU's parser quotes.
pub const TOKEN_TEXT_BYTES: usize = 1023;

/// The longest block of a file that one request may ask for (`guest-file-read`, `count`).
pub const FILE_READ_BYTES: i64 = 48 * 1024 * 1024;

/// The longest password, in bytes. The crypt(3) of most guests takes no longer one, nor does PAM; and the time that hashing
/// takes grows with its length.
pub const PASSWORD_BYTES: usize = 511;

/// The longest name of a user, in bytes (`LOGIN_NAME_MAX` of Linux, without its NUL).
pub const USER_NAME_BYTES: usize = 255;

/// The longest line of a file of SSH keys, in bytes. sshd took no longer ones for most of its time.
pub const KEY_BYTES: usize = 16383;

/// How deep `{` and `[` may nest where room is lent for it: QEMU's own limit.
pub const NESTING: usize = 1024;

/// The least that the buffers lent to an agent must hold. With less, [`crate::agent::Buffers::are_enough`] is false.
pub mod least {
    /// Input: any size works, one byte included.
    pub const INPUT_BYTES: usize = 1;
    /// Request: name, arguments and keys, in canonical form.
    pub const REQUEST_BYTES: usize = 512;
    /// The end of the request buffer that is kept free for the command that runs.
    pub const SCRATCH_BYTES: usize = 256;
    /// Output: an error whose text does not fit is cut, so there must be room for what is around it.
    pub const OUTPUT_BYTES: usize = 512;
    /// The echoed `id`.
    pub const ID_BYTES: usize = 32;
    /// The current token, for error messages.
    pub const TOKEN_BYTES: usize = 32;
    /// Members of all objects that are open at a time.
    pub const KEYS: usize = 8;
    /// One bit a level.
    pub const NESTING_BYTES: usize = 2;
}

/// What the Linux binary takes.
pub mod linux {
    /// A port gives 4096 bytes a read, a socket more.
    pub const INPUT_BYTES: usize = 6 * 1024;
    /// Ansible sends 64 KiB of a file in a request, 88 kB of base64.
    pub const REQUEST_BYTES: usize = 128 * 1024;
    /// Kept free behind the request for the command that runs: a path, a directory or netlink buffer, file contents.
    pub const SCRATCH_BYTES: usize = 32 * 1024;
    /// Replies, and pieces of long ones.
    pub const OUTPUT_BYTES: usize = 58 * 1024;
    /// The echoed `id`.
    pub const ID_BYTES: usize = 4 * 1024;
    /// Members of all objects that are open at a time.
    pub const KEYS: usize = 1152;
    /// Block devices with a file system that is mounted.
    pub const MOUNTED_DEVICES: usize = 1024;
    /// File systems on devices, at most, where any is to be frozen: those that are stay open.
    pub const FROZEN_FILE_SYSTEMS: usize = 512;
    /// Open `guest-file` handles.
    pub const FILES: usize = 128;
    /// Programs of `guest-exec` that run, or whose end was not asked for yet.
    pub const CHILDREN: usize = 64;
    /// What is kept of a stream of such a program.
    pub const CHILD_STREAM_BYTES: u64 = 16 * 1024 * 1024;
    /// What is kept of all their streams, and what all of those that run may have been given to read: each this much, but
    /// no more than an eighth of the memory of the machine.
    pub const CHILDREN_BYTES: u64 = 32 * 1024 * 1024;
    /// What is kept of a stream even if others have taken all of that.
    pub const CHILD_STREAM_LEAST_BYTES: u64 = 16 * 1024;
    /// What `input-data` or an early `buf-b64` may come to, decoded, when it is too long to be held.
    pub const SPOOL_BYTES: u64 = 16 * 1024 * 1024;
}

const _: () = {
    assert!(linux::INPUT_BYTES >= least::INPUT_BYTES);
    assert!(linux::REQUEST_BYTES >= least::REQUEST_BYTES);
    assert!(linux::SCRATCH_BYTES >= least::SCRATCH_BYTES);
    assert!(linux::OUTPUT_BYTES >= least::OUTPUT_BYTES);
    // Their numbers take a quarter of the scratch room.
    assert!(linux::MOUNTED_DEVICES * 8 <= linux::SCRATCH_BYTES / 4);
    // A line with its line feed, beside a user's name and a bit for each key of a request, which has three bytes at the least.
    assert!(KEY_BYTES < linux::SCRATCH_BYTES / 2);
    assert!(USER_NAME_BYTES + linux::REQUEST_BYTES / 3 / 8 < linux::SCRATCH_BYTES / 4);
    assert!(linux::ID_BYTES >= least::ID_BYTES && linux::KEYS >= least::KEYS);
    assert!(least::REQUEST_BYTES >= 2 * least::SCRATCH_BYTES);
    assert!(NESTING / 8 >= least::NESTING_BYTES && NESTING.is_multiple_of(8));
    // Both streams of one program can be kept whole.
    assert!(2 * linux::CHILD_STREAM_BYTES <= linux::CHILDREN_BYTES && linux::SPOOL_BYTES <= linux::CHILDREN_BYTES);
    assert!(linux::CHILD_STREAM_LEAST_BYTES <= linux::CHILD_STREAM_BYTES);
    // 64 KiB of a file, as base64 with a line break every 76 characters, with the rest of its request.
    assert!(linux::REQUEST_BYTES - linux::SCRATCH_BYTES >= 65536 / 3 * 4 * 78 / 76 + 1024);
};
