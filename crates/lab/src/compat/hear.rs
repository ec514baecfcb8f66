//! What a step `hear` of a script waits for.

use regex::bytes::Regex;

/// What must have arrived.
pub enum Hear {
    /// One whole HTTP response.
    Http,
    /// Everything up to the FIN. If there is a number, exactly so many bytes.
    End(Option<usize>),
    /// So many bytes.
    Bytes(usize),
    /// Text that this matches.
    Match(Regex),
}

impl Hear {
    /// Parses the text of a row.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let number = |digits: &str| digits.parse().map_err(|_| format!("no number of bytes in {text:?}"));
        Ok(match text.split_once(' ') {
            None if text == "http" => Self::Http,
            None if text == "end" => Self::End(None),
            Some(("end", digits)) => Self::End(Some(number(digits)?)),
            Some(("bytes", digits)) => Self::Bytes(number(digits)?),
            _ => Self::Match(Regex::new(&format!("(?s){text}")).map_err(|error| error.to_string())?),
        })
    }

    /// How many bytes of `heard` it takes, or `None` if they are not enough yet. `ended` says
    /// whether the FIN has come.
    pub fn satisfied_by(&self, heard: &[u8], ended: bool) -> Option<usize> {
        match self {
            Self::Http => http(heard, ended),
            Self::End(None) => ended.then_some(heard.len()),
            Self::End(Some(bytes)) => (ended && heard.len() == *bytes).then_some(heard.len()),
            Self::Bytes(bytes) => (heard.len() >= *bytes).then_some(*bytes),
            Self::Match(pattern) => pattern.find(heard).map(|found| found.end()),
        }
    }
}

/// Length of the whole response at the start of `heard` (RFC 9112, 6.3). Interim
/// responses (1xx) belong to the one that follows them.
fn http(heard: &[u8], ended: bool) -> Option<usize> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut fields);
    let Ok(httparse::Status::Complete(head)) = response.parse(heard) else { return None };
    let code = response.code?;
    if (100..200).contains(&code) {
        return http(&heard[head..], ended).map(|rest| head + rest);
    }
    if code == 204 || code == 304 {
        return Some(head);
    }
    let field = |name: &str| response.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name));
    if field("Transfer-Encoding").is_some_and(|field| field.value.eq_ignore_ascii_case(b"chunked")) {
        return chunks(&heard[head..]).map(|body| head + body);
    }
    match field("Content-Length") {
        Some(length) => {
            let whole = head + std::str::from_utf8(length.value).ok()?.trim().parse::<usize>().ok()?;
            (heard.len() >= whole).then_some(whole)
        }
        None => ended.then_some(heard.len()),
    }
}

/// Length of a whole chunked body (RFC 9112, 7.1), without trailer fields.
fn chunks(body: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let Ok(httparse::Status::Complete((line, size))) = httparse::parse_chunk_size(body.get(at..)?) else {
            return None;
        };
        at += line + usize::try_from(size).ok()? + 2;
        if at > body.len() {
            return None;
        }
        if size == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(hear: &str, heard: &str, ended: bool) -> Option<usize> {
        Hear::parse(hear).unwrap().satisfied_by(heard.as_bytes(), ended)
    }

    #[test]
    fn a_response_ends_where_its_head_says() {
        let response = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        assert_eq!(taken("http", response, false), Some(response.len()));
        assert_eq!(taken("http", &format!("{response}HTTP"), false), Some(response.len()));
        assert_eq!(taken("http", &response[..response.len() - 1], true), None);
    }

    #[test]
    fn a_response_without_a_length_ends_with_the_connection() {
        let response = "HTTP/1.0 200 OK\r\n\r\nok";
        assert_eq!(taken("http", response, false), None);
        assert_eq!(taken("http", response, true), Some(response.len()));
    }

    #[test]
    fn a_chunked_response_needs_its_last_chunk() {
        let response = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
        assert_eq!(taken("http", response, false), Some(response.len()));
        assert_eq!(taken("http", &response[..response.len() - 5], true), None);
    }

    #[test]
    fn an_interim_response_is_not_the_answer() {
        let interim = "HTTP/1.1 100 Continue\r\n\r\n";
        let whole = format!("{interim}HTTP/1.1 204 No Content\r\n\r\n");
        assert_eq!(taken("http", interim, true), None);
        assert_eq!(taken("http", &whole, false), Some(whole.len()));
    }

    #[test]
    fn ends_bytes_and_patterns() {
        assert_eq!(taken("end", "abc", false), None);
        assert_eq!(taken("end", "abc", true), Some(3));
        assert_eq!(taken("end 4", "abc", true), None);
        assert_eq!(taken("bytes 2", "abc", false), Some(2));
        assert_eq!(taken("220 [a-z]*\r\n", "220 ready\r\n250", false), Some(11));
        assert!(Hear::parse("bytes two").is_err());
    }
}
