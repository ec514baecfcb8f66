//! Replaces what may differ from run to run in a text: numbers, and the patterns of a row.

use regex::Regex;

/// The patterns that are masked for one row.
pub struct Mask(Vec<Regex>);

impl Mask {
    /// Compiles the patterns of a row. They are applied before the general ones.
    ///
    /// # Errors
    /// The pattern that is none.
    pub fn new(patterns: &[String]) -> Result<Self, String> {
        // Names of days and months come with every date. Hexadecimal numbers are
        // addresses and identities.
        let common = [
            r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*\b",
            r"\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\b",
            r"0x[0-9a-fA-F]+",
            r"\d+",
        ];
        let all = patterns.iter().map(String::as_str).chain(common);
        all.map(|pattern| Regex::new(pattern).map_err(|error| error.to_string())).collect::<Result<_, _>>().map(Self)
    }

    /// `text`, in which everything that may differ is masked.
    pub fn apply(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, pattern| pattern.replace_all(&text, "#").into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_numbers_and_what_is_named_are_masked() {
        let mask = Mask::new(&["(?:worker|child) [a-z]+".to_owned()]).unwrap();
        assert_eq!(mask.apply("Wed, 25 Nov 2026 20:37:22: worker abc started"), "#, # # # #:#:#: # started");
        assert!(Mask::new(&["(".to_owned()]).is_err());
    }
}
