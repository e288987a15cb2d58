//! Each text that a command may answer as an error is in docs/commands.md, and in some test, up to the parts that vary.
//!
//! What is taken for such a text is each piece of two words or more in a string of src/command, and of the files of src/linux
//! that say what failed or is missing. A piece that no test can bring about is named below, with the reason.
#![allow(clippy::unwrap_used)] // of a test

use std::fs;
use std::path::{Path, PathBuf};

/// Files of src/linux whose texts are told to clients.
const ON_LINUX: [&str; 5] =
    ["account_failure.rs", "authorized_keys.rs", "cpus.rs", "memory_blocks.rs", "power/suspend.rs"];

/// How that begins which is no error: names of members, and what is logged.
const OTHER: [&str; 11] = [
    "bus target",
    "critical-warning",
    "cssid",
    "data-units",
    "domain bus",
    "major minor",
    "metric flags",
    "mtu window",
    "read-ios",
    "tx-packets",
    "user nice",
];

/// Errors that no test brings about: the same call on the file, before, would fail as well.
const NOT_BROUGHT_ABOUT: [&str; 1] = ["the password is set, but may be lost in a crash: cannot sync"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

/// The files below a directory whose names end with one of `ends`.
fn files(directory: &Path, ends: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ends));
        } else if ends.iter().any(|end| path.to_str().is_some_and(|path| path.ends_with(end))) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The source without its unit tests, and these.
fn parts(source: &str) -> (&str, &str) {
    source.split_once("\n#[cfg(test)]\nmod tests").unwrap_or((source, ""))
}

/// The strings of a source, without those of bytes and of C; their escapes are resolved as far as error texts use them.
fn strings(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    // Characters that would begin a string or a comment; comments, which may have an odd number of quotes; and what only the
    // compiler says.
    let source = source.replace(r#"'"'"#, "").replace(r#"'\"'"#, "");
    let lines = source.lines().filter(|line| !line.trim_start().starts_with("//") && !line.contains("panic!("));
    let source: String = lines.flat_map(|line| [line, "\n"]).collect();
    let mut characters = source.chars();
    let mut before = ' ';
    while let Some(one) = characters.next() {
        if one == '"' {
            let text = string(&mut characters);
            if !matches!(before, 'b' | 'c') {
                found.push(text);
            }
        }
        before = one;
    }
    found
}

/// The string that `characters` are in, up to its end.
fn string(characters: &mut impl Iterator<Item = char>) -> String {
    let mut text = String::new();
    while let Some(one) = characters.next() {
        match one {
            '"' => break,
            '\\' => match characters.next() {
                Some('u') => {
                    let code: String = characters.by_ref().take_while(|&one| one != '}').collect();
                    text.extend(u32::from_str_radix(code.trim_start_matches('{'), 16).ok().and_then(char::from_u32));
                }
                Some('n') => text.push('\n'),
                other => text.extend(other),
            },
            one => text.push(one),
        }
    }
    text
}

/// Whether it has two words or more, of two letters or more each: what is told to people.
fn is_told(text: &str) -> bool {
    let words = text.split(|one: char| !one.is_ascii_alphabetic()).filter(|word| word.len() > 1);
    words.count() > 1 && text.trim().contains(' ')
}

/// As one line.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Without what only joins it to the pieces beside it.
fn piece(text: &str) -> String {
    plain(text.trim_matches(|one: char| one.is_whitespace() || "'\":,.()\u{201C}\u{201D}".contains(one)))
}

/// The texts, each with the file that has it.
fn texts() -> Vec<(PathBuf, String)> {
    let linux = root().join("src/linux");
    let mut sources = files(&root().join("src/command"), &[".rs"]);
    sources.extend(ON_LINUX.map(|name| linux.join(name)));
    let mut found = Vec::new();
    for path in sources {
        let source = fs::read_to_string(&path).unwrap();
        let told = strings(parts(&source).0).into_iter().map(|text| piece(&text)).filter(|text| is_told(text));
        found.extend(
            told.filter(|text| !OTHER.iter().any(|other| text.starts_with(other))).map(|text| (path.clone(), text)),
        );
    }
    found
}

/// What is left of the texts once those are gone that are in `corpus`.
fn missing(corpus: &str) -> Vec<String> {
    let corpus = plain(corpus);
    let is_there = |text: &str| corpus.contains(text) || corpus.contains(&text.replace('"', "\\\""));
    texts()
        .into_iter()
        .filter(|(_, text)| !is_there(text))
        .map(|(path, text)| format!("{}: {text}", path.display()))
        .collect()
}

#[test]
fn there_are_as_many_as_there_must_be() {
    let texts = texts();
    assert!(texts.len() > 60, "only {} texts were found", texts.len());
    assert!(texts.iter().any(|(_, text)| text == "file systems were thawed by the agent after"), "{texts:?}");
}

#[test]
fn each_is_documented() {
    let documents = fs::read_to_string(root().join("docs/commands.md")).unwrap();
    assert_eq!(missing(&documents), Vec::<String>::new(), "not in docs/commands.md");
}

#[test]
fn each_is_shown_by_a_test() {
    let mut corpus = String::new();
    for path in files(&root().join("tests"), &[".rs", ".py", ".txt"]) {
        if !path.ends_with(file!()) {
            corpus += &fs::read_to_string(path).unwrap();
        }
    }
    for path in files(&root().join("src"), &[".rs"]) {
        let source = fs::read_to_string(&path).unwrap();
        corpus += if path.ends_with("tests.rs") { &source } else { parts(&source).1 };
    }
    let missing = missing(&corpus);
    let unexpected: Vec<_> =
        missing.iter().filter(|text| !NOT_BROUGHT_ABOUT.iter().any(|known| text.ends_with(known))).collect();
    assert_eq!(unexpected, Vec::<&String>::new(), "in no test");
    assert_eq!(missing.len(), NOT_BROUGHT_ABOUT.len(), "a text that a test shows by now");
}
