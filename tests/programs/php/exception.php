<?php
function f(): int
{
    return intdiv(1, 0);
}

echo "before\n";
f();
