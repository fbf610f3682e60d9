import sqlite3
base = sqlite3.connect("base.db")
base.execute("create table t (n)")
base.execute("insert into t values (42)")
base.commit()
print(base.execute("select n from t").fetchone())
