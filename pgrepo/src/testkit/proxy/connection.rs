use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::{Either, select, try_join4};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::frames::Frames;
use super::plan::{Ending, Moment, Plan};
use super::state::State;
use super::stream::{read, reset, say_end, until_closed, write_all};

/// How long a server may take to act on a message whose answer is to be lost.
const SETTLE: Duration = Duration::from_secs(10);
/// Chunks on their way in one direction; with a full queue, the sender has to wait, as on a real line.
const IN_FLIGHT: usize = 256;

/// What a reader hands its writer: something to forward and perhaps an order to carry out right after it, or the end.
enum Item {
    Data {
        due: Instant,
        bytes: Vec<u8>,
        /// Those of the frontend messages that begin in these bytes.
        types: Vec<u8>,
        then: Option<(Moment, Ending)>,
    },
    End {
        due: Instant,
    },
}

/// Why a connection is over before both sides said so.
enum Over {
    Cut { moment: Moment, ending: Ending },
    Broken,
}

impl From<io::Error> for Over {
    fn from(_: io::Error) -> Self {
        Self::Broken
    }
}

struct Line<'a> {
    state: &'a State,
    client: TcpStream,
    server: TcpStream,
    /// The last frontend message forwarded.
    last: AtomicU8,
    /// A startup packet was sent: one that asks for encryption is answered by one byte.
    awaits_byte: AtomicBool,
    encrypted: AtomicBool,
}

/// Serves one client until it or the server is gone, or an order ends it.
pub(super) async fn serve(
    state: &State,
    client: TcpStream,
    server: SocketAddr,
    mut order: watch::Receiver<Option<Ending>>,
) {
    let mut plan = state.plan.subscribe();
    let connect = async {
        open_gate(&mut plan).await;
        TcpStream::connect(server).await
    };
    let ordered = std::pin::pin!(ordered(&mut order));
    let (server, ordered) = match select(std::pin::pin!(connect), ordered).await {
        Either::Left((Ok(server), ordered)) => (server, ordered),
        // Without a server there is nobody to talk to: the client sees its connection closed.
        Either::Left((Err(_), _)) => return,
        Either::Right((ending, _)) => {
            state.count_ending(0);
            return end_one(client, ending).await;
        }
    };
    let line = Line {
        state,
        client,
        server,
        last: AtomicU8::new(0),
        awaits_byte: AtomicBool::new(false),
        encrypted: AtomicBool::new(false),
    };
    let over = match select(std::pin::pin!(line.forward()), ordered).await {
        Either::Left((Ok(()), _)) => return,
        Either::Left((Err(over), _)) => over,
        Either::Right((ending, _)) => Over::Cut { moment: Moment::Before, ending },
    };
    line.end(over).await;
}

async fn ordered(order: &mut watch::Receiver<Option<Ending>>) -> Ending {
    match order.wait_for(Option::is_some).await.map(|ending| *ending) {
        Ok(Some(ending)) => ending,
        // The proxy itself is going away.
        _ => Ending::Close,
    }
}

async fn open_gate(plan: &mut watch::Receiver<Plan>) {
    if plan.wait_for(|plan| !plan.black_hole).await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn end_one(stream: TcpStream, ending: Ending) {
    match ending {
        Ending::Close => drop(stream),
        Ending::Reset => reset(stream),
        Ending::Silence => until_closed(&stream).await,
    }
}

impl Line<'_> {
    async fn forward(&self) -> Result<(), Over> {
        self.client.set_nodelay(true)?;
        self.server.set_nodelay(true)?;
        let (to_server, from_client) = mpsc::channel(IN_FLIGHT);
        let (to_client, from_server) = mpsc::channel(IN_FLIGHT);
        try_join4(
            self.read_client(to_server),
            self.write(&self.server, from_client, &self.state.to_server),
            self.read_server(to_client),
            self.write(&self.client, from_server, &self.state.to_client),
        )
        .await
        .map(drop)
    }

    /// In a black hole, the other side does not hear of a reset either.
    async fn read(&self, stream: &TcpStream, buffer: &mut [u8]) -> Result<usize, Over> {
        match read(stream, buffer).await {
            Ok(size) => Ok(size),
            Err(_) => {
                open_gate(&mut self.state.plan.subscribe()).await;
                Err(Over::Broken)
            }
        }
    }

    async fn read_client(&self, queue: mpsc::Sender<Item>) -> Result<(), Over> {
        let mut frames = Frames::default();
        let mut buffer = vec![0; 64 * 1024];
        let mut cut = None;
        loop {
            let size = self.read(&self.client, &mut buffer).await?;
            let due = Instant::now() + self.state.plan.borrow().to_server;
            if size == 0 {
                return send(&queue, Item::End { due }).await;
            }
            let (mut bytes, mut types) = (Vec::with_capacity(size), Vec::new());
            let mut then = None;
            for piece in frames.push(&buffer[..size], self.encrypted.load(Ordering::Relaxed)) {
                if let Some(kind) = piece.begins {
                    self.awaits_byte.fetch_or(kind == 0, Ordering::Relaxed);
                    cut = self.state.cuts().strike(kind, piece.sql.as_deref());
                    if matches!(cut, Some((Moment::Before, _))) {
                        then = cut;
                        break;
                    }
                    types.push(kind);
                }
                bytes.extend_from_slice(&piece.bytes);
                if cut.is_some() && piece.ends {
                    then = cut;
                    break;
                }
            }
            let ended = then.is_some();
            send(&queue, Item::Data { due, bytes, types, then }).await?;
            if ended {
                return Ok(());
            }
        }
    }

    async fn read_server(&self, queue: mpsc::Sender<Item>) -> Result<(), Over> {
        let mut buffer = vec![0; 64 * 1024];
        let mut replies = 0;
        let mut latest = Instant::now();
        loop {
            let size = self.read(&self.server, &mut buffer).await?;
            let mut due = Instant::now();
            {
                let plan = self.state.plan.borrow();
                due += plan.to_client;
                replies += 1;
                if let Some((nth, by)) = plan.slow
                    && replies % nth == 0
                {
                    due += by;
                }
            }
            // Bytes never overtake each other.
            latest = latest.max(due);
            if size == 0 {
                return send(&queue, Item::End { due: latest }).await;
            }
            let answers_startup = self.awaits_byte.swap(false, Ordering::Relaxed);
            if answers_startup && size == 1 && b"SG".contains(&buffer[0]) {
                self.encrypted.store(true, Ordering::Relaxed);
            }
            let bytes = buffer[..size].to_vec();
            send(&queue, Item::Data { due: latest, bytes, types: Vec::new(), then: None }).await?;
        }
    }

    async fn write(
        &self,
        stream: &TcpStream,
        mut queue: mpsc::Receiver<Item>,
        counter: &AtomicU64,
    ) -> Result<(), Over> {
        let mut plan = self.state.plan.subscribe();
        while let Some(item) = queue.recv().await {
            match item {
                Item::End { due } => {
                    wait(due).await;
                    open_gate(&mut plan).await;
                    say_end(stream)?;
                    return Ok(());
                }
                Item::Data { due, bytes, types, then } => {
                    wait(due).await;
                    open_gate(&mut plan).await;
                    for kind in types {
                        self.last.store(kind, Ordering::Relaxed);
                        self.state.count_message(kind);
                    }
                    let slice = plan.borrow().slice;
                    for part in bytes.chunks(slice.unwrap_or(bytes.len()).max(1)) {
                        write_all(stream, part).await?;
                        if slice.is_some() {
                            tokio::task::yield_now().await;
                        }
                    }
                    counter.fetch_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX), Ordering::Relaxed);
                    // Without a pause since the last byte, so no answer to it can have passed.
                    if let Some((moment, ending)) = then {
                        return Err(Over::Cut { moment, ending });
                    }
                }
            }
        }
        Ok(())
    }

    async fn end(self, over: Over) {
        let Over::Cut { moment, ending } = over else {
            // One side was reset; the other side is told the same.
            reset(self.client);
            return reset(self.server);
        };
        self.state.count_ending(self.last.load(Ordering::Relaxed));
        if moment == Moment::After && say_end(&self.server).is_ok() {
            // The server reads what it was sent, acts on it, and only then sees the end. One that takes longer is cut anyway.
            timeout(SETTLE, until_closed(&self.server)).await.ok();
        }
        match ending {
            Ending::Close => {}
            Ending::Reset => {
                reset(self.client);
                reset(self.server);
            }
            Ending::Silence => {
                until_closed(&self.client).await;
                // A line that is silent does not carry the client's end either; the server waits on.
                std::future::pending::<()>().await;
            }
        }
    }
}

async fn wait(due: Instant) {
    if due > Instant::now() {
        sleep_until(due).await;
    }
}

async fn send(queue: &mpsc::Sender<Item>, item: Item) -> Result<(), Over> {
    queue.send(item).await.map_err(|_| Over::Broken)
}

/// A pause between two tries to accept, when the system has run out of something.
pub(super) async fn pause() {
    sleep(Duration::from_millis(10)).await;
}
