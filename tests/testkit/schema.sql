CREATE TABLE from_file (id int);
INSERT INTO from_file VALUES (8);
