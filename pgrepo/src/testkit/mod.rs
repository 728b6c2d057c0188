//! A throwaway PostgreSQL server.
