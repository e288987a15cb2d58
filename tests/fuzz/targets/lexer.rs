//! The tokens of any bytes are the same, however they are cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use picoqga::json::lex::{Lexer, Token};
use picoqga_fuzz::common::Random;
use picoqga_fuzz::seed;

/// The tokens of bytes that come in `pieces`, as text in which those of strings and numbers stand byte by byte.
fn tokens<'p>(pieces: impl Iterator<Item = &'p [u8]>) -> String {
    let mut text = [0; 32];
    let mut lexer = Lexer::new(&mut text);
    let mut tokens = String::new();
    // Pieces of a number count once it ends: what turns out to be none may come without some.
    let mut number = Vec::new();
    for mut piece in pieces {
        loop {
            let (used, token) = lexer.next(piece);
            // What does not move gives a token that is not `More`, and not for ever.
            assert!(used <= piece.len());
            match token {
                Token::More => {
                    assert_eq!(used, piece.len(), "more is wanted, but not all was used");
                    break;
                }
                Token::Text(bytes) => bytes.iter().for_each(|byte| tokens += &format!("text {byte:?}\n")),
                Token::Number(bytes) => number.extend_from_slice(bytes),
                Token::NumberEnd { integer } => {
                    tokens += &format!("number {:?} {integer}\n", std::mem::take(&mut number))
                }
                Token::Stray | Token::BadWord => {
                    number.clear();
                    tokens += &format!("{token:?}\n");
                    let quoted = lexer.token_text().to_vec();
                    tokens += &format!("{quoted:?}\n");
                }
                token => tokens += &format!("{token:?}\n"),
            }
            assert!(tokens.len() < 1 << 22, "tokens without end");
            piece = &piece[used..];
        }
    }
    tokens
}

fuzz_target!(|data: &[u8]| {
    let Some((seed, bytes)) = seed(data) else { return };
    let whole = tokens([bytes].into_iter());
    assert_eq!(whole, tokens(bytes.chunks(1)), "byte by byte");
    let mut random = Random(seed);
    let mut cuts = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at((random.below(9) + 1).min(rest.len()));
        cuts.push(piece);
        rest = behind;
    }
    assert_eq!(whole, tokens(cuts.into_iter()), "in pieces");
});
