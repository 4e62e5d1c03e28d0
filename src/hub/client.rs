//! Asking a server: redirections are followed here, a token goes to the hub's own server alone, and what may pass is asked again.

use std::io::ErrorKind;
use std::time::Duration;

use anyhow::Result;
use ureq::http::{HeaderMap, Response, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, Proxy};

use super::address::Address;
use super::event::{Event, Watch};
use super::failure::{Failure, Remedy};
use super::token::Token;
use crate::files::words;

/// So many redirections are followed.
const MOST_REDIRECTIONS: usize = 10;

/// Whom to ask, and how.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The hub, or a mirror that speaks its API.
    pub endpoint: Address,
    /// What the hub knows somebody by.
    pub token: Option<Token>,
    /// Whether addresses without `https` will do, beyond this machine.
    pub insecure: bool,
    /// The way to the net, where it leads through another machine; never to this machine itself.
    pub proxy: Option<Proxy>,
    /// How long is waited.
    pub patience: Patience,
}

impl Settings {
    /// This endpoint, without a token.
    #[must_use]
    pub fn new(endpoint: Address) -> Self {
        Self { endpoint, token: None, insecure: false, proxy: None, patience: Patience::default() }
    }
}

/// How often something is tried, and how long is waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Tries in a row that bring nothing new; at least one is made.
    pub tries: u32,
    /// Before the second try; before each further one twice as long.
    pub first: Duration,
    /// The longest that is waited between two tries, also where a server asks for more.
    pub longest: Duration,
    /// For a connection.
    pub connect: Duration,
    /// For the next bytes.
    pub silence: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { tries: 5, first: seconds(1), longest: seconds(300), connect: seconds(20), silence: seconds(60) }
    }
}

/// Why something was not answered.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It may pass: why, and how long the server asks to wait.
    Passing { cause: String, wait: Option<Duration> },
    /// It stays so.
    Lasting(anyhow::Error),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Lasting(failure.into())
    }
}

impl From<anyhow::Error> for Trouble {
    fn from(error: anyhow::Error) -> Self {
        Self::Lasting(error)
    }
}

impl Trouble {
    /// Something of an answer that may be better next time.
    pub(super) fn passing(cause: impl Into<String>) -> Self {
        Self::Passing { cause: cause.into(), wait: None }
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask<'a> {
    pub address: &'a Address,
    /// From this byte on, to this one at most.
    pub range: Option<(u64, Option<u64>)>,
    /// Only if the file is still this one.
    pub if_range: Option<&'a str>,
}

impl<'a> Ask<'a> {
    pub(super) fn whole(address: &'a Address) -> Self {
        Self { address, range: None, if_range: None }
    }
}

/// What came back.
pub(super) struct Answer {
    pub status: u16,
    /// What those said that sent elsewhere, the first one first.
    pub sent: Vec<HeaderMap>,
    /// What the last one said.
    pub headers: HeaderMap,
    pub body: Body,
}

impl Answer {
    /// A header of the last answer.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        value(&self.headers, name)
    }

    /// A header of whoever said it first: the hub, before it sent to where its files are.
    pub(super) fn first(&self, name: &str) -> Option<&str> {
        self.sent.iter().chain([&self.headers]).find_map(|headers| value(headers, name))
    }
}

fn value<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// Whoever asks.
#[derive(Debug, Clone)]
pub struct Client {
    settings: Settings,
    agent: Agent,
    /// Without another machine in between, for this one.
    direct: Agent,
}

impl Client {
    /// Asks as these settings say.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let agent = |proxy: Option<Proxy>| {
            let Patience { connect, silence, .. } = settings.patience;
            let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
            let config = Agent::config_builder().proxy(proxy).tls_config(tls).max_redirects(0).http_status_as_error(false);
            let config =
                config.user_agent(concat!("afterword/", env!("CARGO_PKG_VERSION"))).accept("*/*").accept_encoding("identity");
            let config = config.timeout_resolve(Some(connect)).timeout_connect(Some(connect));
            config.timeout_per_read(Some(silence)).timeout_per_write(Some(silence)).build().new_agent()
        };
        let (through, direct) = (agent(settings.proxy.clone()), agent(None));
        Self { settings, agent: through, direct }
    }

    /// How it asks.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The same, that tries only once.
    pub(super) fn hasty(&self) -> Self {
        let mut hasty = self.clone();
        hasty.settings.patience.tries = 1;
        hasty
    }

    /// One try; the answer may be of any status but a redirection.
    pub(super) fn ask(&self, ask: Ask<'_>) -> Result<Answer, Trouble> {
        let mut address = ask.address.clone();
        let mut sent = Vec::new();
        for _ in 0..=MOST_REDIRECTIONS {
            self.check(&address)?;
            let response = self.once(&address, ask)?;
            let (parts, body) = response.into_parts();
            if !matches!(parts.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(Answer { status: parts.status.as_u16(), sent, headers: parts.headers, body });
            }
            let site = address.site();
            let location = value(&parts.headers, "location").ok_or_else(|| format!("`{site}` sends elsewhere, and not where"));
            let next = location.and_then(|location| address.join(location)).map_err(|cause| Failure::new(cause, None))?;
            if address.betrays(&next) {
                return Err(
                    Failure::new(format!("`{site}` sends to `{}`, where nobody should be sent", next.site()), None).into()
                );
            }
            sent.push(parts.headers);
            address = next;
        }
        Err(Failure::new(format!("`{}` sends from one address to the next without an end", ask.address.site()), None).into())
    }

    /// Whether an address may be asked.
    pub(super) fn check(&self, address: &Address) -> Result<(), Failure> {
        if self.settings.insecure || address.is_private() {
            return Ok(());
        }
        let site = address.site();
        Err(Failure::new(
            format!("`{site}` is not asked without `https`: others could read and change what it says"),
            Remedy::Https,
        ))
    }

    fn once(&self, address: &Address, ask: Ask<'_>) -> Result<Response<Body>, Trouble> {
        let agent = if address.is_loopback() { &self.direct } else { &self.agent };
        let mut request = agent.get(address.to_string());
        if let Some(token) =
            self.settings.token.as_ref().filter(|_| address.is_private() && address.is_of(&self.settings.endpoint))
        {
            request = request.header(header::AUTHORIZATION, token.header());
        }
        if let Some((from, to)) = ask.range {
            let to = to.map(|to| to.to_string()).unwrap_or_default();
            request = request.header(header::RANGE, format!("bytes={from}-{to}"));
        }
        if let Some(etag) = ask.if_range {
            request = request.header(header::IF_RANGE, etag);
        }
        request.call().map_err(|error| broken(&error, &address.site()))
    }

    /// Does something until it is done, or until its trouble lasts.
    pub(super) fn patiently<T>(&self, watch: &mut Watch<'_>, mut deed: impl FnMut(&Self) -> Result<T, Trouble>) -> Result<T> {
        let mut tries = Tries::new(self.settings.patience);
        loop {
            match deed(self) {
                Ok(done) => return Ok(done),
                Err(trouble) => tries.again(trouble, watch)?,
            }
        }
    }
}

/// What an error of the connection means.
fn broken(error: &ureq::Error, site: &str) -> Trouble {
    match error {
        ureq::Error::HostNotFound => Trouble::passing(format!("the host `{site}` is not found, or there is no net")),
        ureq::Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => {
            Trouble::passing(format!("`{site}` takes no connection"))
        }
        ureq::Error::ConnectionFailed => Trouble::passing(format!("`{site}` takes no connection")),
        ureq::Error::Timeout(_) => Trouble::passing(format!("`{site}` did not answer in time")),
        // The system's own resolver tells it in words alone.
        ureq::Error::Io(error) if error.to_string().contains("lookup address") => {
            Trouble::passing(format!("the host `{site}` is not found, or there is no net"))
        }
        // So TLS is told of: a certificate that nobody vouches for.
        ureq::Error::Io(error) if error.kind() == ErrorKind::InvalidData => {
            Failure::passing(format!("the connection to `{site}` is not trusted: {}", words(error))).into()
        }
        ureq::Error::Io(error) => Trouble::passing(format!("the connection to `{site}` broke: {}", words(error))),
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::Pem(_) => {
            Failure::passing(format!("the connection to `{site}` is not trusted: {error}")).into()
        }
        ureq::Error::InvalidProxyUrl => Failure::new("the proxy's address is none", None).into(),
        _ => Trouble::passing(format!("`{site}` does not answer as a server of the web does")),
    }
}

/// What a status means that is no good one.
pub(super) fn refused(answer: &Answer, site: &str) -> Option<Trouble> {
    let passing = |wait| Trouble::Passing { cause: format!("`{site}` answers {}", in_words(answer.status)), wait };
    match answer.status {
        200 | 206 | 401 | 403 | 404 | 416 => None,
        408 | 425 | 429 | 500..=599 => {
            let seconds = answer.header("retry-after").and_then(|seconds| seconds.trim().parse().ok());
            Some(passing(seconds.map(Duration::from_secs)))
        }
        status => Some(Failure::new(format!("`{site}` answers {}", in_words(status)), None).into()),
    }
}

/// A status with what it means.
fn in_words(status: u16) -> String {
    match status {
        408 => "408: it waited too long".to_owned(),
        429 => "429: too many requests".to_owned(),
        500..=599 => format!("{status}: it has a fault of its own"),
        status => status.to_string(),
    }
}

/// How often something was tried in vain.
#[derive(Debug)]
pub(super) struct Tries {
    patience: Patience,
    made: u32,
}

impl Tries {
    pub(super) fn new(patience: Patience) -> Self {
        Self { patience, made: 0 }
    }

    /// Something came of it: the next try is the first again.
    pub(super) fn hope(&mut self) {
        self.made = 0;
    }

    /// Waits for the next try.
    ///
    /// # Errors
    /// The trouble lasts, there were tries enough, the server asks for a longer wait than is borne, or it was ended from outside.
    pub(super) fn again(&mut self, trouble: Trouble, watch: &mut Watch<'_>) -> Result<()> {
        watch.ask()?;
        let (cause, wait) = match trouble {
            Trouble::Lasting(error) => return Err(error),
            Trouble::Passing { cause, wait } => (cause, wait),
        };
        self.made += 1;
        let Patience { tries, first, longest, .. } = self.patience;
        if self.made >= tries {
            let times = if self.made > 1 { format!(", {} times", self.made) } else { String::new() };
            return Err(Failure::passing(format!("{cause}{times}")).into());
        }
        if let Some(wait) = wait.filter(|wait| *wait > longest) {
            return Err(Failure::passing(format!("{cause}, and asks to wait {} seconds", wait.as_secs())).into());
        }
        let growing = first.saturating_mul(1 << (self.made - 1).min(16)).min(longest);
        let wait = wait.map_or(growing, |asked| asked.max(growing));
        watch.tell(Event::Retrying { cause, wait, next: self.made + 1, of: tries });
        watch.wait(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Cancel;

    fn waits(patience: Patience, asked: &[Option<u64>]) -> (Vec<u64>, Option<String>) {
        let (mut events, cancel) = (Vec::new(), Cancel::new());
        let mut tell = |event| events.push(event);
        let mut watch = Watch::new(&mut tell, &cancel);
        let mut tries = Tries::new(patience);
        let trouble = |wait: &Option<u64>| Trouble::Passing {
            cause: "`x` answers 429".to_owned(),
            wait: wait.map(Duration::from_millis),
        };
        let failed = asked.iter().find_map(|wait| tries.again(trouble(wait), &mut watch).err());
        let wait = |event: &Event| match event {
            Event::Retrying { wait, .. } => u64::try_from(wait.as_millis()).unwrap(),
            other => panic!("{other:?}"),
        };
        (events.iter().map(wait).collect(), failed.map(|error| error.to_string()))
    }

    #[test]
    fn waits_grow_and_end() {
        let milliseconds = Duration::from_millis;
        let patience = Patience { first: milliseconds(1), longest: milliseconds(3), ..Patience::default() };
        let (told, failed) = waits(patience, &[None; 9]);
        assert_eq!((told, failed.as_deref()), (vec![1, 2, 3, 3], Some("`x` answers 429, 5 times")));
        // A server may ask for more, but not for everything.
        let (told, failed) = waits(patience, &[Some(2), Some(0), Some(9)]);
        assert_eq!((told, failed.as_deref()), (vec![2, 2], Some("`x` answers 429, and asks to wait 0 seconds")));
    }
}
