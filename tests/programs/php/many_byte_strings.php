<?php
echo mb_strtoupper("äöü"), mb_strlen("漢字"), strlen("漢字"), "\n";
