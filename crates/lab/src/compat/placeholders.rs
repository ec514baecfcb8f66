//! The placeholders of a row, such as `{port}`, and what they stand for in one run.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// What each placeholder stands for.
#[derive(Clone, Debug, Default)]
pub struct Placeholders(BTreeMap<&'static str, String>);

impl Placeholders {
    /// Adds a placeholder.
    pub fn with(mut self, word: &'static str, meaning: impl Into<String>) -> Self {
        self.0.insert(word, meaning.into());
        self
    }

    /// `text`, with every known placeholder replaced. Unknown ones stay, because configuration
    /// files use braces for other things.
    pub fn replace(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (word, meaning)| text.replace(&format!("{{{word}}}"), meaning))
    }

    /// A copy of `value`, with every known placeholder replaced in all of its strings.
    pub fn replace_in<T: Serialize + DeserializeOwned>(&self, value: &T) -> T {
        let mut tree = serde_json::to_value(value).expect("a row is plain data");
        self.walk(&mut tree);
        serde_json::from_value(tree).expect("only strings were changed")
    }

    fn walk(&self, value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => *text = self.replace(text),
            serde_json::Value::Array(values) => values.iter_mut().for_each(|value| self.walk(value)),
            serde_json::Value::Object(fields) => fields.values_mut().for_each(|value| self.walk(value)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_words_are_replaced_everywhere() {
        let placeholders = Placeholders::default().with("port", "80").with("dir", "/d");
        assert_eq!(placeholders.replace("listen {port}; root {dir}/www; {other}"), "listen 80; root /d/www; {other}");
        assert_eq!(placeholders.replace_in(&vec!["{dir}".to_owned()]), ["/d"]);
    }
}
