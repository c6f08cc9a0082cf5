module lab/standins

go 1.24
