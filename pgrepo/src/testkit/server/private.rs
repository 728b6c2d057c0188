//! What a private server has, and what can be done to it.

use std::path::{Path, PathBuf};

use crate::testkit::admin::Admin;
use crate::testkit::cluster::Cluster;
use crate::testkit::error::TestkitError;
use crate::testkit::options::StopMode;

use super::Server;

impl Server {
    /// Returns the loopback port of a private server.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(server: pgrepo::testkit::Server) -> Result<(), pgrepo::testkit::TestkitError> {
    /// if let Some(port) = server.port() {
    ///     println!("127.0.0.1:{port}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn port(&self) -> Option<u16> {
        self.cluster().ok().map(|cluster| cluster.port)
    }

    /// Returns the folder of a private server's socket.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(server: pgrepo::testkit::Server) -> Result<(), pgrepo::testkit::TestkitError> {
    /// if let Some(folder) = server.socket_dir() {
    ///     println!("psql --host {}", folder.display());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn socket_dir(&self) -> Option<&Path> {
        self.cluster().ok().map(|cluster| cluster.dir.as_path())
    }

    /// Returns the folder of a private server's data.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(server: pgrepo::testkit::Server) -> Result<(), pgrepo::testkit::TestkitError> {
    /// if let Some(folder) = server.data_dir() {
    ///     println!("{}", folder.join("postgresql.conf").display());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn data_dir(&self) -> Option<PathBuf> {
        self.cluster().ok().map(|cluster| cluster.dir.join("data"))
    }

    /// Returns the folder of a private server's programs. A downloaded server has no `psql`.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(server: pgrepo::testkit::Server) -> Result<(), pgrepo::testkit::TestkitError> {
    /// let pg_dump = server.bin_dir().map(|folder| folder.join("pg_dump"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn bin_dir(&self) -> Option<&Path> {
        self.cluster().ok().map(|cluster| cluster.bin_dir.as_path())
    }

    /// Returns what a private server has written to its log so far.
    ///
    /// # Errors
    /// When this is a named server, or the log is gone.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(server: pgrepo::testkit::Server) -> Result<(), pgrepo::testkit::TestkitError> {
    /// assert!(!server.log().await?.contains("FATAL"));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn log(&self) -> Result<String, TestkitError> {
        self.with_cluster(Cluster::log).await
    }

    /// Stops a private server; its folder and port stay, for [`start_again`](Self::start_again).
    ///
    /// # Errors
    /// When this is a named server, or its watcher is gone.
    ///
    /// # Cancel safety
    /// The server is stopped also when the future is dropped.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(server: pgrepo::testkit::Server) -> Result<(), pgrepo::testkit::TestkitError> {
    /// use pgrepo::testkit::StopMode;
    /// server.stop(StopMode::Immediate).await?;
    /// // … what the program under test does meanwhile …
    /// server.start_again().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn stop(&self, mode: StopMode) -> Result<(), TestkitError> {
        self.with_cluster(move |cluster| cluster.stop(mode)).await
    }

    /// Starts a private server that was stopped, on the same port, and waits until it accepts connections.
    ///
    /// # Errors
    /// When this is a named server, or the server does not start; the message ends with its log.
    ///
    /// # Cancel safety
    /// The server is started also when the future is dropped.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(server: pgrepo::testkit::Server) -> Result<(), pgrepo::testkit::TestkitError> {
    /// use pgrepo::testkit::StopMode;
    /// server.stop(StopMode::Fast).await?;
    /// server.start_again().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn start_again(&self) -> Result<(), TestkitError> {
        self.with_cluster(Cluster::start_again).await
    }

    /// Stops a private server and starts it again.
    ///
    /// # Errors
    /// As [`stop`](Self::stop) and [`start_again`](Self::start_again).
    ///
    /// # Cancel safety
    /// The server is stopped and started also when the future is dropped.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(server: pgrepo::testkit::Server) -> Result<(), pgrepo::testkit::TestkitError> {
    /// server.restart(pgrepo::testkit::StopMode::Fast).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn restart(&self, mode: StopMode) -> Result<(), TestkitError> {
        self.with_cluster(move |cluster| cluster.stop(mode).and_then(|()| cluster.start_again())).await
    }

    /// Ends one session of a private server by SIGKILL. The server takes that for a crash: it ends all other sessions too,
    /// and recovers.
    ///
    /// # Errors
    /// When this is a named server, or no session has this process id.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(server: pgrepo::testkit::Server, db: &pgrepo::Db) -> Result<(), Box<dyn std::error::Error>> {
    /// let pid: i32 = db.query("SELECT pg_backend_pid()").fetch_val().await?;
    /// server.kill_backend(pid).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn kill_backend(&self, pid: i32) -> Result<(), TestkitError> {
        self.cluster()?;
        let mut admin = Admin::connect(&self.admin_url()).await?;
        if !admin.is_backend(pid).await? {
            return Err(TestkitError::new(format!("no session has the process id {pid}")));
        }
        admin.close().await?;
        self.with_cluster(move |cluster| cluster.kill(pid)).await
    }

    /// Stops a private server, removes its folder and waits until both are gone. Other handles to it are of no more use.
    /// A named server is left alone.
    ///
    /// # Errors
    /// When its watcher is lost.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(server: pgrepo::testkit::Server) -> Result<(), pgrepo::testkit::TestkitError> {
    /// server.shutdown().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn shutdown(self) -> Result<(), TestkitError> {
        if !self.is_private() {
            return Ok(());
        }
        self.with_cluster(Cluster::end).await
    }
}
