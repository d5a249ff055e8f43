# Runs once, when Windows has been installed, as Administrator. Says on the first serial port how it went, then turns the machine off.
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$medium = Split-Path -Parent $MyInvocation.MyCommand.Path

$port = New-Object IO.Ports.SerialPort 'COM1', 115200
$port.NewLine = "`n"
$port.Open()

function Invoke-Program($program) {
    & $program @args | Out-Null
    if ($LASTEXITCODE -ne 0) { throw "$program ended with $LASTEXITCODE" }
}

function Set-Registry($key, $name, $value) {
    if (-not (Test-Path $key)) { New-Item -Path $key -Force | Out-Null }
    New-ItemProperty -Path $key -Name $name -Value $value -Force | Out-Null
}

# sshd uses no key file that others than SYSTEM and the administrators may read. Their names are translated, their SIDs are not.
function Protect-File($path) {
    Set-ItemProperty -Path $path -Name IsReadOnly -Value $false
    Invoke-Program icacls.exe $path /setowner '*S-1-5-32-544'
    Invoke-Program icacls.exe $path /inheritance:r /grant '*S-1-5-18:F' /grant '*S-1-5-32-544:F'
}

function Install-SshServer {
    $package = Join-Path $medium 'openssh.msi'
    if (Test-Path $package) {
        $installer = Start-Process msiexec.exe -ArgumentList "/i `"$package`" /qn /norestart" -Wait -PassThru
        if (@(0, 3010) -notcontains $installer.ExitCode) { throw "msiexec ended with $($installer.ExitCode)" }
    } else {
        Add-WindowsCapability -Online -Name 'OpenSSH.Server~~~~0.0.1.0' | Out-Null
    }
    Stop-Service sshd
    $folder = Join-Path $env:ProgramData 'ssh'
    New-Item -ItemType Directory -Path $folder -Force | Out-Null
    Copy-Item (Join-Path $medium 'sshd_config') $folder -Force
    Copy-Item (Join-Path $medium 'ssh_host_ed25519_key') $folder -Force
    Copy-Item (Join-Path $medium 'authorized_keys') (Join-Path $folder 'administrators_authorized_keys') -Force
    foreach ($name in 'sshd_config', 'ssh_host_ed25519_key', 'administrators_authorized_keys') {
        Protect-File (Join-Path $folder $name)
    }
    # Commands are given to cmd.exe, as they are where nothing is set.
    Remove-ItemProperty -Path 'HKLM:\SOFTWARE\OpenSSH' -Name DefaultShell -ErrorAction SilentlyContinue
    New-NetFirewallRule -Name vmbuild-sshd -DisplayName 'SSH server' -Direction Inbound -Protocol TCP -LocalPort 22 -Action Allow -Profile Any | Out-Null
    Set-Service sshd -StartupType Automatic
    Start-Service sshd
}

# The power button turns the machine off, whoever is logged in and however long its screen has been idle.
function Set-PowerButton {
    Invoke-Program powercfg.exe /hibernate off
    Invoke-Program powercfg.exe /change monitor-timeout-ac 0
    Invoke-Program powercfg.exe /change standby-timeout-ac 0
    Invoke-Program powercfg.exe /setacvalueindex SCHEME_CURRENT SUB_BUTTONS PBUTTONACTION 3
    Invoke-Program powercfg.exe /setactive SCHEME_CURRENT
    Set-Registry 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System' ShutdownWithoutLogon 1
    Set-Registry 'HKLM:\SOFTWARE\Policies\Microsoft\Windows NT\Reliability' ShutdownReasonOn 0
}

# A machine that changes by itself makes one build differ from the next.
function Stop-Maintenance {
    Set-Registry 'HKLM:\SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate\AU' NoAutoUpdate 1
    Set-Registry 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Schedule\Maintenance' MaintenanceDisabled 1
}

function Remove-Logon {
    $key = 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon'
    Set-Registry $key AutoAdminLogon '0'
    Remove-ItemProperty -Path $key -Name DefaultPassword -ErrorAction SilentlyContinue
    Invoke-Program net.exe accounts /maxpwage:unlimited
}

try {
    if (-not (Test-Path "$env:SystemRoot\System32\tar.exe")) { throw 'this Windows has no tar.exe' }
    Set-Registry 'HKLM:\SYSTEM\CurrentControlSet\Control\FileSystem' LongPathsEnabled 1
    Set-PowerButton
    Stop-Maintenance
    Install-SshServer
    Remove-Logon
    $port.WriteLine('vmbuild-install: done')
} catch {
    $port.WriteLine("vmbuild-install: failed: $($_.Exception.Message) (line $($_.InvocationInfo.ScriptLineNumber) of setup.ps1)")
}
$port.Close()
shutdown.exe /s /f /t 5
