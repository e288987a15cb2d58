//! Changing one entry of a file of accounts while the file is copied, in pieces of any size. All else stays as it is, byte
//! for byte: comments, lines of any length, lines that are none, a last line without its line feed.

/// The entry that is changed, and how far the file has come.
#[derive(Debug)]
pub struct Entry<'e> {
    name: &'e [u8],
    /// What the fields behind the name become.
    fields: &'e [&'e [u8]],
    /// How many fields a line needs; those that an entry lacks are added, empty, if one of them is changed.
    least_fields: usize,
    /// An entry that is missing is added.
    adds: bool,
    is_there: bool,
    place: Place,
}

/// Where in a line the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// That many bytes of it are those of the entry that is looked for.
    Start(usize),
    /// In a field of it that is dropped, because it has been changed; or just behind the name, which is field 0.
    Dropped(usize),
    /// In a line, or the rest of one, that stays as it is.
    Kept,
}

type Put<'p> = &'p mut dyn FnMut(&[u8]);

impl<'e> Entry<'e> {
    /// The entry called `name`, which is to be what is told for its next fields, and to have `least_fields` in all. If there
    /// is none it is added if `adds`. Of two only the first counts, as for all who read such a file.
    pub fn new(name: &'e [u8], fields: &'e [&'e [u8]], least_fields: usize, adds: bool) -> Self {
        Entry { name, fields, least_fields, adds, is_there: false, place: Place::Start(0) }
    }

    /// Takes the next piece of the file.
    #[inline(never)] // smaller than among all that replaces a file
    pub fn take(&mut self, piece: &[u8], put: Put<'_>) {
        for &byte in piece {
            self.byte(byte, put);
        }
    }

    fn byte(&mut self, byte: u8, put: Put<'_>) {
        if let Place::Start(matched) = self.place {
            if !self.is_there && self.name.get(matched) == Some(&byte) {
                self.place = Place::Start(matched.wrapping_add(1));
                return;
            }
            // References to a network come behind all that is in the file.
            if self.adds && matched == 0 && matches!(byte, b'+' | b'-') {
                self.add(put);
            }
            put(self.name.get(..matched).unwrap_or_default());
            if !self.is_there && matched == self.name.len() && byte == b':' {
                self.is_there = true;
                self.place = Place::Dropped(0);
            }
        }
        if let Place::Dropped(field) = self.place {
            match byte {
                b':' => {
                    put(b":");
                    self.place = match self.fields.get(field) {
                        Some(value) => {
                            put(value);
                            Place::Dropped(field.wrapping_add(1))
                        }
                        None => Place::Kept,
                    };
                    return;
                }
                b'\n' => self.fill(field, put),
                _ => return,
            }
        }
        put(&[byte]);
        self.place = if byte == b'\n' { Place::Start(0) } else { Place::Kept };
    }

    /// The file is complete. Answers whether it has the entry now.
    #[inline(never)] // as above
    pub fn finish(&mut self, put: Put<'_>) -> bool {
        match self.place {
            Place::Start(matched) => put(self.name.get(..matched).unwrap_or_default()),
            Place::Dropped(field) => self.fill(field, put),
            Place::Kept => {}
        }
        if self.adds && !self.is_there {
            if self.place != Place::Start(0) {
                put(b"\n");
            }
            self.add(put);
        }
        self.is_there
    }

    /// The line ended in a field that was changed, or is new: puts the fields that it lacks.
    fn fill(&self, field: usize, put: Put<'_>) {
        for field in field..self.fields.len().max(self.least_fields.saturating_sub(1)) {
            put(b":");
            put(self.fields.get(field).copied().unwrap_or_default());
        }
    }

    /// Adds the entry, unless it is there.
    fn add(&mut self, put: Put<'_>) {
        if !self.is_there {
            self.is_there = true;
            put(self.name);
            self.fill(0, put);
            put(b"\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The file as it becomes, and whether the entry is in it; the same for pieces of any size.
    fn changed(name: &str, fields: &[&str], least: usize, adds: bool, file: &str) -> (String, bool) {
        let fields: Vec<&[u8]> = fields.iter().map(|field| field.as_bytes()).collect();
        let mut results = Vec::new();
        for size in 1..=file.len().max(1) {
            let mut entry = Entry::new(name.as_bytes(), &fields, least, adds);
            let mut new = Vec::new();
            for piece in file.as_bytes().chunks(size) {
                entry.take(piece, &mut |bytes| new.extend_from_slice(bytes));
            }
            let is_there = entry.finish(&mut |bytes| new.extend_from_slice(bytes));
            results.push((String::from_utf8(new).unwrap(), is_there));
        }
        assert!(results.iter().all(|result| result == &results[0]), "{results:?}");
        results.swap_remove(0)
    }

    fn shadow(name: &str, file: &str) -> String {
        let (file, is_there) = changed(name, &["$6$h", "19000"], 9, true, file);
        assert!(is_there);
        file
    }

    #[test]
    fn an_entry_is_changed_and_all_else_is_kept() {
        let rest =
            "# a comment: with colons\n\nroot\n:x:\nrooter:*:1:::::\nroo:a:b\nlong:".to_owned() + &"y".repeat(300);
        for end in ["", "\n", "\n\n", "\nroot:second:1::::::\n", "\n+::\nno line feed"] {
            for (old, new) in [
                ("root:!:18000:0:99999:7:::", "root:$6$h:19000:0:99999:7:::"),
                ("root::::::::", "root:$6$h:19000::::::"),
                ("root:old:1:2:3:4:5:6:7:8:9", "root:$6$h:19000:2:3:4:5:6:7:8:9"),
                ("root:old:1:2", "root:$6$h:19000:2"),
                ("root:old:1", "root:$6$h:19000::::::"),
                ("root:old", "root:$6$h:19000::::::"),
                ("root:", "root:$6$h:19000::::::"),
            ] {
                assert_eq!(shadow("root", &format!("{old}\n{rest}{end}")), format!("{new}\n{rest}{end}"));
                assert_eq!(shadow("root", &format!("{rest}\n{old}{end}")), format!("{rest}\n{new}{end}"));
            }
        }
    }

    #[test]
    fn an_entry_that_is_missing_is_added_before_the_network() {
        const NEW: &str = "root:$6$h:19000::::::\n";
        for (before, after) in [
            ("", ""),
            ("a:b\n", ""),
            ("a:b\nroot", ""),
            ("roo", ""),
            ("rooter:x:1\n", "+\nz:z\n"),
            ("", "+root:x:\n-root:y:"),
            ("a:b\n", "-z::\n+"),
        ] {
            let feed = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
            assert_eq!(shadow("root", &format!("{before}{after}")), format!("{before}{feed}{NEW}{after}"));
        }
    }

    #[test]
    fn one_that_is_not_to_be_added_is_not() {
        let file = "rooter:x:0:0::/:\n+::::::\nroot";
        assert_eq!(changed("root", &["x"], 0, false, file), (file.to_owned(), false));
        let (new, is_there) = changed("root", &["x"], 0, false, "a:b\nroot:$1$y:0:0:r:/:/bin/sh");
        assert_eq!((new.as_str(), is_there), ("a:b\nroot:x:0:0:r:/:/bin/sh", true));
    }
}
