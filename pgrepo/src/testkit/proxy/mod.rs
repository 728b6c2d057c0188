use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

use super::address;
use super::error::{Context, TestkitError};
use super::server::Server;

mod connection;
mod frames;
mod plan;
mod state;
mod stream;

pub use plan::{Cut, Ending, Message, Moment};
pub use state::ProxyCounts;
use state::State;

/// A TCP proxy in front of a private server that does to its connections what networks do.
///
/// It forwards faithfully until told otherwise, through the methods of [`Faults`], which it derefs to. It runs on a thread and
/// a runtime of its own, so a test that blocks or ends its runtime does not stop it. Dropping it closes all its connections.
///
/// # Examples
/// ```no_run
/// # async fn example() -> Result<(), pgrepo::testkit::TestkitError> {
/// use pgrepo::testkit::{Cut, Message, Proxy, Server, ServerOptions};
/// use std::time::Duration;
///
/// let server = Server::start(ServerOptions::private()).await?;
/// let proxy = Proxy::start(&server).await?;
/// proxy.latency(Duration::from_millis(1));
/// proxy.cut(Cut::after(Message::Sql("COMMIT".into())));
/// println!("{}", proxy.url("postgres"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Proxy {
    server: Server,
    port: u16,
    faults: Faults,
    _stop: oneshot::Sender<()>,
}

/// The controls of a [`Proxy`], for any task that wants to do harm; clones control the same proxy.
#[derive(Clone, Debug)]
pub struct Faults {
    state: Arc<State>,
}

impl Proxy {
    /// Starts a proxy in front of a server.
    ///
    /// # Errors
    /// When the server is a named one, or no port is free.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(server: pgrepo::testkit::Server) -> Result<(), pgrepo::testkit::TestkitError> {
    /// let proxy = pgrepo::testkit::Proxy::start(&server).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn start(server: &Server) -> Result<Self, TestkitError> {
        let port =
            server.port().ok_or_else(|| TestkitError::new("a proxy stands in front of a private server only"))?;
        let upstream = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .and_then(TcpListener::into_std)
            .context(|| "the proxy has no port")?;
        let port = listener.local_addr().context(|| "the proxy has no address")?.port();
        let state = Arc::new(State::new());
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context(|| "the proxy's runtime does not start")?;
        let listener = {
            let _entered = runtime.enter();
            TcpListener::from_std(listener).context(|| "the proxy cannot listen")?
        };
        let shared = state.clone();
        std::thread::Builder::new()
            .name("pgrepo-proxy".into())
            .spawn(move || runtime.block_on(run(listener, upstream, shared, stopped)))
            .context(|| "the proxy's thread does not start")?;
        Ok(Self { server: server.clone(), port, faults: Faults { state }, _stop: stop })
    }

    /// Returns the URL of a database through the proxy, in plain text: it could not follow what is encrypted.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(proxy: &pgrepo::testkit::Proxy) -> pgrepo::Result<()> {
    /// let db = pgrepo::Db::from_url(&proxy.url("postgres")).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn url(&self, database: &str) -> String {
        address::without_tls(&address::with_port(&self.server.tcp_url(database), self.port))
    }

    /// Returns the proxy's port on 127.0.0.1.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(proxy: &pgrepo::testkit::Proxy) {
    /// println!("127.0.0.1:{}", proxy.port());
    /// # }
    /// ```
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the server behind the proxy.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(proxy: &pgrepo::testkit::Proxy) {
    /// println!("PostgreSQL {}", proxy.server().version());
    /// # }
    /// ```
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Returns the controls, for another task.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(proxy: &pgrepo::testkit::Proxy) {
    /// use std::time::Duration;
    /// let faults = proxy.faults();
    /// tokio::spawn(async move {
    ///     tokio::time::sleep(Duration::from_millis(100)).await;
    ///     faults.black_hole(true);
    /// });
    /// # }
    /// ```
    pub fn faults(&self) -> Faults {
        self.faults.clone()
    }
}

impl Deref for Proxy {
    type Target = Faults;

    fn deref(&self) -> &Faults {
        &self.faults
    }
}

impl Faults {
    /// Delays what passes by this much in each direction, so that a round trip takes twice as long. Throughput stays.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(proxy: &pgrepo::testkit::Proxy) {
    /// // A round trip takes 2 ms.
    /// proxy.latency(std::time::Duration::from_millis(1));
    /// # }
    /// ```
    pub fn latency(&self, each_way: Duration) {
        self.latency_each(each_way, each_way);
    }

    /// Delays what passes, by different times to the server and to the client.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(proxy: &pgrepo::testkit::Proxy) {
    /// use std::time::Duration;
    /// proxy.latency_each(Duration::ZERO, Duration::from_millis(5));
    /// # }
    /// ```
    pub fn latency_each(&self, to_server: Duration, to_client: Duration) {
        self.state.plan.send_modify(|plan| {
            plan.to_server = to_server;
            plan.to_client = to_client;
        });
    }

    /// Delays every n-th chunk of each connection's replies by this much on top; `None` ends it. What follows on the same
    /// connection waits behind it.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(proxy: &pgrepo::testkit::Proxy) {
    /// proxy.slow_replies(10, Some(std::time::Duration::from_millis(200)));
    /// # }
    /// ```
    pub fn slow_replies(&self, nth: u64, by: Option<Duration>) {
        self.state.plan.send_modify(|plan| plan.slow = by.map(|by| (nth.max(1), by)));
    }

    /// Forwards in pieces of at most this many bytes; `None` ends it.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(proxy: &pgrepo::testkit::Proxy) {
    /// // Every message arrives in many pieces.
    /// proxy.slice(Some(7));
    /// # }
    /// ```
    pub fn slice(&self, bytes: Option<usize>) {
        self.state.plan.send_modify(|plan| plan.slice = bytes);
    }

    /// Swallows everything, on open connections and on new ones, which are accepted and hear nothing; not even the end of a
    /// connection passes. When it ends, what was swallowed arrives after all, as retransmitted packets do.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(proxy: &pgrepo::testkit::Proxy) {
    /// proxy.black_hole(true);
    /// // … the program hears nothing, and has to notice by its own limits …
    /// proxy.black_hole(false);
    /// # }
    /// ```
    pub fn black_hole(&self, on: bool) {
        self.state.plan.send_modify(|plan| plan.black_hole = on);
    }

    /// Accepts new connections and closes them at once.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(proxy: &pgrepo::testkit::Proxy) {
    /// proxy.close_new(true);
    /// # }
    /// ```
    pub fn close_new(&self, on: bool) {
        self.state.plan.send_modify(|plan| plan.close_new = on);
    }

    /// Ends every open connection, and returns how many there were.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(proxy: &pgrepo::testkit::Proxy) {
    /// use pgrepo::testkit::Ending;
    /// println!("{} connections were reset", proxy.end_all(Ending::Reset));
    /// # }
    /// ```
    pub fn end_all(&self, ending: Ending) -> usize {
        let open = self.state.open();
        for order in open.values() {
            order.send_replace(Some(ending));
        }
        open.len()
    }

    /// Orders a cut at a certain message. Several may be ordered; each counts for itself.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(proxy: &pgrepo::testkit::Proxy) {
    /// use pgrepo::testkit::{Cut, Message};
    /// // The server commits, and its answer is lost.
    /// proxy.cut(Cut::after(Message::Sql("COMMIT".into())));
    /// # }
    /// ```
    pub fn cut(&self, cut: Cut) {
        self.state.cuts().order(cut);
    }

    /// Forgets every order and fault; connections that were silenced stay so.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(proxy: &pgrepo::testkit::Proxy) {
    /// proxy.close_new(true);
    /// // … an outage …
    /// proxy.heal();
    /// # }
    /// ```
    pub fn heal(&self) {
        self.state.cuts().clear();
        self.state.plan.send_replace(plan::Plan::default());
    }

    /// Returns what has passed so far.
    ///
    /// # Examples
    /// ```no_run
    /// # fn example(proxy: &pgrepo::testkit::Proxy) {
    /// println!("{} connections were ended", proxy.counts().endings());
    /// # }
    /// ```
    pub fn counts(&self) -> ProxyCounts {
        self.state.counts()
    }
}

async fn run(listener: TcpListener, server: SocketAddr, state: Arc<State>, stopped: oneshot::Receiver<()>) {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let accept = async {
        loop {
            let Ok((client, _)) = listener.accept().await else {
                connection::pause().await;
                continue;
            };
            state.connections.fetch_add(1, Ordering::Relaxed);
            if state.plan.borrow().close_new {
                continue;
            }
            let (order, orders) = watch::channel(None);
            let id = NEXT.fetch_add(1, Ordering::Relaxed);
            state.open().insert(id, order);
            let state = state.clone();
            tokio::spawn(async move {
                connection::serve(&state, client, server, orders).await;
                state.open().remove(&id);
            });
        }
    };
    // The sender is never used: it only goes away, with the proxy.
    if let Either::Left((never, _)) = select(std::pin::pin!(accept), stopped).await {
        never
    }
}
