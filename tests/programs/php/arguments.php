<?php
echo json_encode($argv, JSON_UNESCAPED_UNICODE), "\n";
