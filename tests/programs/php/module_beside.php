<?php
require __DIR__ . "/lib/helper.php";

echo greet(), "\n";
