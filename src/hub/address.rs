//! Addresses of the web, and which of them may be asked.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use ureq::http::Uri;
use ureq::http::uri::{Authority, PathAndQuery, Scheme};

/// What stands for itself within a segment of a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What no address holds as it is.
const RAW: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`').add(b'{').add(b'}');

/// An address of the web without a name or password in it: `https://huggingface.co`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    is_https: bool,
    /// Without the brackets of IPv6.
    host: String,
    port: Option<u16>,
    /// From its `/` on, the query with it; empty where there is neither.
    path: String,
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let encoded = utf8_percent_encode(text.trim(), RAW).to_string();
        let uri: Uri = encoded.parse().map_err(|_| "it is no address of the web".to_owned())?;
        let is_https = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err("it does not begin with `https://`".to_owned()),
        };
        let authority = uri.authority().map(Authority::as_str).unwrap_or_default();
        if authority.contains('@') {
            return Err("it holds a name or a password, which is not sent".to_owned());
        }
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_lowercase();
        if host.is_empty() {
            return Err("it names no host".to_owned());
        }
        let path = uri.path_and_query().map(PathAndQuery::as_str).unwrap_or_default();
        Ok(Self { is_https, host, port: uri.port_u16(), path: path.trim_end_matches('/').to_owned() })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", if self.is_https { "https" } else { "http" }, self.site(), self.path)
    }
}

impl Address {
    /// Host and port, as a person reads them: `huggingface.co`, `127.0.0.1:8080`.
    #[must_use]
    pub fn site(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        self.port.map_or(host.clone(), |port| format!("{host}:{port}"))
    }

    /// The path without its query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }

    /// Whether it leads to this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    }

    /// Whether what goes there cannot be read or changed on its way.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.is_https || self.is_loopback()
    }

    /// Whether both are of one server: the same scheme, host and port. Only there goes what is secret.
    #[must_use]
    pub fn is_of(&self, other: &Self) -> bool {
        let port = |of: &Self| of.port.unwrap_or(if of.is_https { 443 } else { 80 });
        self.is_https == other.is_https && self.host == other.host && port(self) == port(other)
    }

    /// Whether one leads from a private address to one that is not, or from the web to this machine.
    #[must_use]
    pub fn betrays(&self, next: &Self) -> bool {
        (self.is_https && !next.is_https) || (!self.is_loopback() && next.is_loopback())
    }

    /// The address below this one that these segments name, each of them encoded.
    #[must_use]
    pub fn below<'s>(&self, segments: impl IntoIterator<Item = &'s str>) -> Self {
        let mut path = self.path().to_owned();
        for segment in segments {
            path.push('/');
            path.extend(utf8_percent_encode(segment, SEGMENT));
        }
        Self { path, ..self.clone() }
    }

    /// The same with this query.
    #[must_use]
    pub fn asking(&self, query: &str) -> Self {
        Self { path: format!("{}?{query}", self.path()), ..self.clone() }
    }

    /// The same with another last segment of its path, which is given as it stands in an address.
    #[must_use]
    pub fn beside(&self, last: &str) -> Self {
        let folder = self.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        let query = self.path.split_once('?').map(|(_, query)| format!("?{query}")).unwrap_or_default();
        Self { path: format!("{folder}/{last}{query}"), ..self.clone() }
    }

    /// Where a redirection leads from here: to an address, or to a path of this server.
    ///
    /// # Errors
    /// It is no address.
    pub fn join(&self, location: &str) -> Result<Self, String> {
        let location = location.trim();
        let scheme = if self.is_https { "https" } else { "http" };
        let whole = if location.starts_with("//") {
            format!("{scheme}:{location}")
        } else if location.starts_with('/') {
            format!("{scheme}://{}{location}", self.site())
        } else if location.contains("://") {
            location.to_owned()
        } else {
            let folder = self.path().rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{scheme}://{}{folder}/{location}", self.site())
        };
        whole.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Address {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_is_of_the_web_and_holds_no_password() {
        for (text, shown) in [
            ("https://huggingface.co", "https://huggingface.co"),
            ("https://HuggingFace.co/", "https://huggingface.co"),
            ("http://127.0.0.1:8080/mirror/", "http://127.0.0.1:8080/mirror"),
            ("http://[::1]:80/x?y=1", "http://[::1]:80/x?y=1"),
            ("https://example.com/a b.gguf", "https://example.com/a%20b.gguf"),
            ("https://example.com/狼.gguf", "https://example.com/%E7%8B%BC.gguf"),
        ] {
            assert_eq!(read(text).to_string(), shown);
        }
        for (text, cause) in [
            ("ftp://example.com", "it does not begin with `https://`"),
            ("file:///etc/passwd", "it is no address of the web"),
            ("huggingface.co", "it does not begin with `https://`"),
            ("https://me:secret@example.com", "it holds a name or a password, which is not sent"),
            ("", "it is no address of the web"),
            ("https://", "it is no address of the web"),
        ] {
            assert_eq!(text.parse::<Address>().unwrap_err(), cause, "{text}");
        }
    }

    #[test]
    fn a_path_is_encoded_segment_by_segment() {
        let endpoint = read("http://127.0.0.1:1/mirror");
        let address = endpoint.below(["a", "b-1.0", "resolve", "c?d#e f", "狼%.gguf"]);
        assert_eq!(address.to_string(), "http://127.0.0.1:1/mirror/a/b-1.0/resolve/c%3Fd%23e%20f/%E7%8B%BC%25.gguf");
        assert_eq!(address.asking("recursive=true").to_string(), format!("{address}?recursive=true"));
        assert_eq!(read("https://e.com/a/b.gguf?x=1").beside("c.gguf").to_string(), "https://e.com/a/c.gguf?x=1");
    }

    #[test]
    fn a_redirection_leads_where_it_says() {
        let here = read("https://huggingface.co/a/b/resolve/main/c.gguf?download=true");
        for (location, there) in [
            ("https://cdn.example.com/x?sig=1", "https://cdn.example.com/x?sig=1"),
            ("//cdn.example.com/x", "https://cdn.example.com/x"),
            ("/d/e", "https://huggingface.co/d/e"),
            ("d.gguf", "https://huggingface.co/a/b/resolve/main/d.gguf"),
        ] {
            assert_eq!(here.join(location).unwrap().to_string(), there);
        }
        assert!(here.join("ftp://example.com/x").is_err());
    }

    #[test]
    fn one_server_is_one_scheme_host_and_port() {
        let endpoint = read("https://huggingface.co");
        for (other, is_of, betrays) in [
            ("https://huggingface.co:443/a", true, false),
            ("https://huggingface.co:444/a", false, false),
            ("http://huggingface.co", false, true),
            ("https://huggingface.co.evil.com", false, false),
            ("https://127.0.0.1", false, true),
        ] {
            let other = read(other);
            assert_eq!((endpoint.is_of(&other), endpoint.betrays(&other)), (is_of, betrays), "{other}");
        }
        let private = |text: &str| read(text).is_private();
        assert!(
            private("https://a.com") && private("http://localhost:1") && private("http://127.9.9.9") && private("http://[::1]")
        );
        assert!(!private("http://a.com") && !private("http://192.168.0.1") && !private("http://localhost.evil.com"));
    }
}
