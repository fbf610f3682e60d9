<?php
echo bcpow("2", "100"), "\n", gmp_strval(gmp_fact(25)), "\n";
